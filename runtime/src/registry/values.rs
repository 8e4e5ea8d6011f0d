//! What is in force in a registry, and why.

use std::collections::BTreeSet;
use std::sync::Arc;
#[cfg(feature = "config")]
use std::sync::PoisonError;
#[cfg(feature = "config")]
use std::sync::atomic::Ordering;

use steadfast_options::Name;

use super::Registry;
#[cfg(feature = "config")]
use super::{GLOBAL, Inner};
#[cfg(feature = "admin")]
use crate::breaker::Breaker;
use crate::catalog::Catalog;
use crate::config::{Call, Declared, Kind, Layered, SetValue, name_in, values};
#[cfg(feature = "config")]
use crate::config::{Config, InUse};
use crate::definition::Definition;
#[cfg(feature = "config")]
use crate::names::{Named, Names};
#[cfg(feature = "config")]
use crate::setup::{Steadfast, WeakSteadfast};

/// What was set up, as its registry knows it.
#[cfg(feature = "config")]
#[derive(Default)]
pub(super) enum Known {
    #[default]
    Nothing,
    #[cfg_attr(not(feature = "admin"), allow(dead_code))]
    Kept(Steadfast),
    /// As long as somebody has a handle: else both would keep each other for ever.
    #[cfg_attr(not(feature = "admin"), allow(dead_code))]
    Seen(WeakSteadfast),
}

#[cfg(feature = "admin")]
impl Known {
    fn get(&self) -> Option<Steadfast> {
        match self {
            Self::Nothing => None,
            Self::Kept(steadfast) => Some(steadfast.clone()),
            Self::Seen(weak) => weak.upgrade(),
        }
    }
}

impl Registry {
    #[cfg(feature = "config")]
    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    /// Whether nobody else has set this registry up, which is so no longer.
    #[cfg(feature = "config")]
    pub(crate) fn begin_setup(&self) -> bool {
        !self.0.set_up.swap(true, Ordering::AcqRel)
    }

    #[cfg(feature = "config")]
    pub(crate) fn end_setup(&self) {
        self.0.set_up.store(false, Ordering::Release);
    }

    /// What there is besides the annotated functions.
    #[cfg(feature = "config")]
    pub(crate) fn in_use(&self, announced: &[String]) -> InUse {
        fn of<P: Named>(names: &Names<P>) -> impl Iterator<Item = (Kind, Name, Arc<Definition>)> {
            let all = names.definitions().into_iter();
            all.map(|(name, definition)| (P::KIND, name, definition))
        }
        let Inner {
            breakers,
            rate_limits,
            bulkheads,
            ..
        } = &*self.0;
        let named = of(breakers).chain(of(rate_limits)).chain(of(bulkheads));
        InUse {
            named: named.collect(),
            made: self.0.made.all(),
            announced: announced.to_vec(),
        }
    }

    /// Every option of a call and of the policies it names.
    pub(crate) fn values_of_call(&self, declared: &Declared<'_>) -> Vec<SetValue> {
        let call = self.0.config.sources().call(declared);
        let mut values = values::of_call(&call);
        for kind in Kind::ALL {
            if let Some(name) = name_in(kind, declared.name, &call.patch) {
                values.extend(values::of_named(kind, &self.definition(kind, name)));
            }
        }
        values::in_order(values)
    }

    /// The definition in force of a named policy, whether it has been used or not.
    pub(super) fn definition(&self, kind: Kind, name: Name) -> Arc<Definition> {
        let config = &self.0.config;
        match kind {
            Kind::Breaker => self.0.breakers.definition(name, config),
            Kind::RateLimit => self.0.rate_limits.definition(name, config),
            Kind::Bulkhead => self.0.bulkheads.definition(name, config),
        }
    }

    /// The calls that it knows: annotated functions, then policies made by hand that were announced.
    pub(crate) fn calls(&self) -> impl Iterator<Item = Call> {
        let sites = self.sites();
        let calls: Vec<Call> = sites
            .iter()
            .map(|listed| Call::of(&listed.declared()))
            .collect();
        let made = self.0.made.all().into_iter();
        let made = made.filter(|made| self.0.config.is_announced(&made.declared().name));
        let made: Vec<Call> = made.map(|made| Call::of(&made.declared())).collect();
        calls.into_iter().chain(made)
    }

    /// The same, with those made by hand that nobody announced.
    #[cfg(feature = "admin")]
    pub(crate) fn calls_in_use(&self) -> Vec<Call> {
        let sites = self.sites();
        let sites = sites.iter().map(|listed| Call::of(&listed.declared()));
        let made = self.0.made.all();
        let made = made.iter().map(|made| Call::of(&made.declared()));
        sites.chain(made).collect()
    }

    /// The breaker of this name, where the code declares it or somebody asked for it.
    #[cfg(feature = "admin")]
    pub(crate) fn known_breaker(&self, name: &str) -> Option<Breaker> {
        self.meet_declared();
        let mut all = self.breakers().into_iter();
        all.find(|breaker| *breaker.name() == *name)
    }

    /// What was set up, unless it was stopped.
    #[cfg(feature = "admin")]
    pub(crate) fn running(&self) -> Option<Steadfast> {
        let running = self.0.running.lock();
        running.unwrap_or_else(PoisonError::into_inner).get()
    }

    /// Takes note of what was set up; none where it was stopped.
    #[cfg(feature = "config")]
    pub(crate) fn note_running(&self, running: Option<&Steadfast>) {
        let known = match running {
            // It outlives its handles there, and so does the registry.
            Some(steadfast) if self.is(&GLOBAL) => Known::Kept(steadfast.clone()),
            Some(steadfast) => Known::Seen(steadfast.downgrade()),
            None => Known::Nothing,
        };
        let mut held = self
            .0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *held = known;
    }

    /// The policies of a kind that these calls name, by name, with every option.
    pub(crate) fn values_by_name(&self, kind: Kind) -> Vec<(Name, Vec<SetValue>)> {
        let sources = self.0.config.sources();
        let names: BTreeSet<Name> = self
            .calls()
            .filter_map(|call| {
                let layered = sources.call(&call.declared());
                name_in(kind, call.name, &layered.patch)
            })
            .collect();
        let values = |name| values::of_named(kind, &self.definition(kind, name));
        names.into_iter().map(|name| (name, values(name))).collect()
    }

    /// The annotated functions that it knows.
    pub(crate) fn sites(&self) -> Catalog {
        self.0.config.sites()
    }

    /// What a call comes to, the policies that it names included.
    pub(crate) fn in_force(&self, declared: &Declared<'_>) -> Layered {
        let mut call = self.0.config.sources().call(declared);
        for kind in Kind::ALL {
            if let Some(name) = name_in(kind, declared.name, &call.patch) {
                call.adopt(&self.definition(kind, name).in_force);
            }
        }
        call
    }
}
