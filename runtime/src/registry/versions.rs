//! The policies of calls in a registry, and other versions of the configuration put in force.

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use steadfast_options::Name;

use super::{GLOBAL, PUBLISHING, Registry, SCOPED};
use crate::answers::CacheCounts;
use crate::builder::Made;
use crate::catalog;
use crate::config::{Layers, Sources};
use crate::policy::Resolved;
use crate::site::Site;
use crate::sorted::Sorted;
use crate::tally::{Guarding, Sums};
use crate::totals::Loads;
use crate::versions::Versions;

impl Registry {
    /// The policy of a site in this registry.
    pub(crate) fn policy_of(&self, site: &'static Site) -> Arc<Resolved> {
        let key = std::ptr::from_ref(site).addr();
        if let Some(known) = self.policies().get(&key) {
            return known.now();
        }
        loop {
            let listed = catalog::of(site);
            let sources = self.0.config.sources();
            let call = sources.call(&listed.declared());
            let made = Arc::new(Resolved::of_site(&listed, &call.patch, self));
            let mut policies = self.policies();
            if self.0.config.is_current(&sources) {
                let first = || {
                    self.0.book.open(&made.ledger);
                    Versions::new(site, made)
                };
                return policies.get_or(key, first).now();
            }
        }
    }

    /// What the caches of the calls that were made have done.
    pub(crate) fn caches(&self) -> Vec<(Name, CacheCounts)> {
        let resolved: Vec<_> = {
            let policies = self.policies();
            policies.iter().map(|(_, known)| known.now()).collect()
        };
        let counts = |policy: &Arc<Resolved>| Some((policy.name, policy.cache.as_ref()?.counts()));
        let mut caches: Vec<_> = resolved.iter().filter_map(counts).collect();
        caches.sort_by_key(|(name, _)| *name);
        caches
    }

    /// Makes something of the sources while no other version is put in force.
    pub(crate) fn under_one_version<R>(&self, make: impl FnOnce(&Sources) -> R) -> R {
        let _installing = self.installing();
        make(&self.0.config.sources())
    }

    fn installing(&self) -> MutexGuard<'_, ()> {
        let installing = self.0.installing.lock();
        installing.unwrap_or_else(PoisonError::into_inner)
    }

    /// Resolves every call that the code declares, and with it makes the policies that it names.
    pub(crate) fn meet_declared(&self) {
        let sites = self.sites();
        sites
            .iter()
            .for_each(|listed| drop(self.policy_of(listed.site)));
    }

    pub(crate) fn loads(&self) -> &Loads {
        &self.0.loads
    }

    /// What its calls came to, by call and by the policies that it used.
    pub(crate) fn sums(&self) -> Sorted<(Name, Guarding), Sums> {
        self.0.book.read()
    }

    /// Takes note of a policy made by hand, for reloads and counts.
    pub(crate) fn know(&self, made: &Arc<Made>) {
        self.0.book.open_by_hand(&made.policy().ledger);
        self.0.made.add(made);
    }

    /// Leaves the policies of these sites where calls find them with one load, unless calls have to
    /// ask for their registry.
    pub(super) fn publish(&self, sites: &[usize]) {
        if !self.is(&GLOBAL) || SCOPED.load(Ordering::Relaxed) {
            return;
        }
        let _publishing = PUBLISHING.lock().unwrap_or_else(PoisonError::into_inner);
        if !SCOPED.load(Ordering::Relaxed) {
            let mut policies = self.policies();
            for site in sites {
                policies
                    .get_mut(site)
                    .into_iter()
                    .for_each(Versions::publish);
            }
        }
    }

    /// Puts other layers in force, as a whole: for what is resolved from now on, for the named
    /// policies, and for the calls that were resolved before. The layers have been checked.
    pub(crate) fn install(&self, layers: Arc<Layers>) {
        let _installing = self.installing();
        let sources = self.0.config.replace(layers);
        self.0.breakers.install(&sources);
        self.0.rate_limits.install(&sources);
        self.0.bulkheads.install(&sources);
        #[cfg(feature = "redis")]
        self.share_limits();
        #[cfg(feature = "redis")]
        self.share_all();
        let resolved: Vec<_> = {
            let policies = self.policies();
            let known = policies.iter();
            known
                .map(|(key, versions)| (*key, versions.site, versions.now()))
                .collect()
        };
        let newer = resolved.into_iter().filter_map(|(key, site, before)| {
            let listed = catalog::of(site);
            let call = sources.call(&listed.declared());
            let newer = Resolved::of_site(&listed, &call.patch, self);
            (!newer.is_same(&before)).then(|| (key, Arc::new(newer.counting_on(&before))))
        });
        let newer: Vec<_> = newer.collect();
        let changed: Vec<usize> = newer.iter().map(|(key, _)| *key).collect();
        let mut policies = self.policies();
        for (key, policy) in newer {
            policies
                .get_mut(&key)
                .into_iter()
                .for_each(|versions| versions.put(policy.clone()));
        }
        drop(policies);
        self.publish(&changed);
        self.0
            .made
            .all()
            .iter()
            .for_each(|made| made.install(&sources));
    }

    fn policies(&self) -> MutexGuard<'_, Sorted<usize, Versions>> {
        self.0
            .policies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
