//! How a call begins: with a policy that it borrows, or keeps.
#![allow(unsafe_code)]

use std::mem::ManuallyDrop;
use std::sync::Arc;

use steadfast_options::Guards;

use super::{Call, FILL, Stage};
use crate::current::Around;
use crate::policy::{PolicyRef, Resolved};
use crate::rate_limit::Whose;
use crate::registry;
use crate::site::Site;
use crate::tally::Ended;

impl<'p> Call<'p> {
    #[inline]
    pub(crate) fn new(policy: &'p Resolved) -> Self {
        Self {
            policy,
            around: Around::nothing(),
            pass: None,
            stage: Stage::First,
            level: Guards::Attempt,
            placed: false,
            #[cfg(feature = "tracing")]
            traced: false,
            last: false,
            holds: false,
            ended: Ended::Ok,
            _filled: [0; FILL],
            refused_for: 0,
            limit_of: Whose::All,
            kept: ManuallyDrop::new(None),
            more: ManuallyDrop::new(None),
        }
    }
}

impl Call<'static> {
    /// With the policy that the site has now.
    #[inline]
    pub(crate) fn at(site: &'static Site) -> Self {
        match site.policy.get() {
            Some(policy) => Self::new(policy),
            None => Self::with(registry::policy_of(site)),
        }
    }

    /// With a policy that was asked for before.
    #[inline(never)]
    pub(crate) fn with(policy: PolicyRef) -> Self {
        match policy.into_parts() {
            Ok(policy) => Self::new(policy),
            Err(policy) => Self::keeping(policy),
        }
    }

    #[cold]
    fn keeping(policy: Arc<Resolved>) -> Self {
        // SAFETY: what an `Arc` points at stays where it is for as long as one is there. The call keeps
        // this one, which is dropped last (`dropped`), and no method hands the policy out for longer
        // than it is borrowed itself: what needs it for longer takes a `PolicyRef`.
        let held: &'static Resolved = unsafe { &*Arc::as_ptr(&policy) };
        let mut call = Self::new(held);
        *call.kept = Some(policy);
        call.holds = true;
        call
    }

    /// Its policy, for longer than the call.
    #[cfg(feature = "redis")]
    pub(crate) fn policy_ref(&self) -> PolicyRef {
        match &*self.kept {
            Some(policy) => PolicyRef::apart(policy.clone()),
            None => PolicyRef::global(self.policy),
        }
    }
}

#[cfg(test)]
mod tests {
    use steadfast_options::{Name, Patch};

    use super::*;
    use crate::registry::Registry;

    fn policy() -> Arc<Resolved> {
        let (name, registry) = (Name::from_static("kept"), Registry::new());
        Arc::new(Resolved::new(name, &Patch::default(), None, &registry))
    }

    #[test]
    fn unsafe_cell_a_call_keeps_its_policy_and_lets_it_go() {
        let policy = policy();
        let call = Call::with(PolicyRef::apart(policy.clone()));
        assert_eq!(Arc::strong_count(&policy), 2);
        drop(call);
        assert_eq!(Arc::strong_count(&policy), 1);
    }

    #[test]
    fn unsafe_cell_a_call_outlives_all_others_that_have_its_policy() {
        let mut call = Call::with(PolicyRef::apart(policy()));
        assert!(call.last_good().is_none());
        assert!(!call.wants_fallback());
    }
}
