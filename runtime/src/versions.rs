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
    /// Kept where calls may still find it for ever.
    published: Option<&'static Arc<Resolved>>,
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
        let kept = published.get_or_insert_with(|| Box::leak(Box::new(policy.clone())));
        self.site.policy.set(Some(&**kept));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use steadfast_options::{Name, Patch};

    use super::*;
    use crate::registry::Registry;

    static SITE: Site = Site::new(concat!("versions\0versions.rs\0", 1, "\0async"));

    #[test]
    fn a_published_version_that_comes_again_is_used_again() {
        let registry = Registry::new();
        let policy = |seconds| {
            let mut patch = Patch::default();
            patch.call.timeout = Some(Duration::from_secs(seconds));
            let name = Name::from_static("versions");
            Arc::new(Resolved::new(name, &patch, None, &registry))
        };
        let mut versions = Versions::new(&SITE, policy(0));
        let mut published = Vec::new();
        for round in 0..100 {
            versions.put(policy(1 + round % 4));
            versions.publish();
            let now: *const Resolved = SITE.policy.get().unwrap();
            assert_eq!(
                SITE.policy.get().unwrap().timeout,
                Some(Duration::from_secs(1 + round % 4))
            );
            if !published.contains(&now) {
                published.push(now);
            }
        }
        assert_eq!((published.len(), versions.earlier.len()), (4, 3));
        SITE.policy.set(None);
    }

    #[test]
    fn a_version_takes_less_than_two_kilobytes() {
        // What a reload that changes a call keeps; its counters are those of the version before.
        assert!(size_of::<Resolved>() <= 2048, "{}", size_of::<Resolved>());
    }
}
