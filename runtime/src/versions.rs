//! The policies that a site has had in one registry, the newest in force.

use std::sync::Arc;

use crate::policy::Resolved;
use crate::site::Site;

pub(crate) struct Versions {
    pub(crate) site: &'static Site,
    now: Version,
    /// Those that were left in the site's slot. They can't be freed, so they are used again.
    earlier: Vec<Version>,
}

struct Version {
    policy: Arc<Resolved>,
    /// Where calls may still find it for ever.
    published: Option<&'static Resolved>,
}

impl Version {
    fn new(policy: Arc<Resolved>) -> Self {
        Self {
            policy,
            published: None,
        }
    }
}

impl Versions {
    pub(crate) fn new(site: &'static Site, policy: Arc<Resolved>) -> Self {
        Self {
            site,
            now: Version::new(policy),
            earlier: Vec::new(),
        }
    }

    pub(crate) fn now(&self) -> Arc<Resolved> {
        self.now.policy.clone()
    }

    /// Puts a newer policy in force, or an earlier one that is the same.
    pub(crate) fn put(&mut self, policy: Arc<Resolved>) {
        let same = |known: &Version| known.policy.is_same(&policy);
        let again = self.earlier.iter().position(same);
        let next = match again {
            Some(place) => self.earlier.swap_remove(place),
            None => Version::new(policy),
        };
        let before = std::mem::replace(&mut self.now, next);
        if before.published.is_some() {
            self.earlier.push(before);
        }
    }

    /// Leaves the policy in its site, where calls find it with one load, for ever.
    pub(crate) fn publish(&mut self) {
        let Version { policy, published } = &mut self.now;
        let kept = *published.get_or_insert_with(|| Box::leak(Box::new(policy.clone())));
        self.site.policy.set(Some(kept));
    }
}
