//! How a call begins: with a policy that it borrows, or keeps.
#![allow(unsafe_code)]

use std::mem::{ManuallyDrop, MaybeUninit};
use std::sync::Arc;

use steadfast_options::Guards;

use super::{Call, FILL, Stage};
use crate::breaker::Pass;
use crate::current::Around;
use crate::policy::{PolicyRef, Resolved};
use crate::rate_limit::Whose;
use crate::registry;
use crate::site::Site;
use crate::tally::Ended;

/// What a call begins with.
pub(super) struct Start {
    around: Around,
    pass: Option<Pass>,
    stage: Stage,
    holds: bool,
}

impl Start {
    /// Before its first attempt.
    #[inline]
    pub(super) fn new() -> Self {
        Self {
            around: Around::nothing(),
            pass: None,
            stage: Stage::First,
            holds: false,
        }
    }

    /// With the body of a first attempt that a breaker alone has let pass.
    #[inline]
    pub(super) fn plain(policy: &Resolved, pass: Option<Pass>) -> Self {
        Self {
            around: Around {
                attempt: 1,
                lasts: policy.lasts,
                ..Around::nothing()
            },
            pass,
            stage: Stage::Running,
            holds: true,
        }
    }
}

impl<'p> Call<'p> {
    #[inline]
    pub(crate) fn new(policy: &'p Resolved) -> Self {
        let mut place = MaybeUninit::uninit();
        Self::write(&mut place, policy, Start::new());
        // SAFETY: it was written just now.
        unsafe { place.assume_init() }
    }

    /// Writes a call, field by field: one that is assigned as a whole is made elsewhere first, and copied
    /// with words that lie across those that were written.
    #[inline]
    pub(super) fn write(place: &mut MaybeUninit<Self>, policy: &'p Resolved, start: Start) {
        /// All fields, to leave out none.
        const _: fn(&Call<'_>) = |call| {
            let Call {
                policy: _,
                around: _,
                pass: _,
                stage: _,
                level: _,
                placed: _,
                #[cfg(feature = "tracing")]
                    traced: _,
                last: _,
                holds: _,
                ended: _,
                filler: _,
                refused_for: _,
                limit_of: _,
                kept: _,
                more: _,
            } = call;
        };
        let call = place.as_mut_ptr();
        // SAFETY: the pointer is to a place for a call, and no reference to what is not written is made.
        unsafe {
            (&raw mut (*call).policy).write(policy);
            (&raw mut (*call).around).write(start.around);
            (&raw mut (*call).pass).write(start.pass);
            (&raw mut (*call).stage).write(start.stage);
            (&raw mut (*call).level).write(Guards::Attempt);
            (&raw mut (*call).placed).write(false);
            #[cfg(feature = "tracing")]
            (&raw mut (*call).traced).write(false);
            (&raw mut (*call).last).write(false);
            (&raw mut (*call).holds).write(start.holds);
            (&raw mut (*call).ended).write(Ended::Ok);
            (&raw mut (*call).filler).write([0; FILL]);
            (&raw mut (*call).refused_for).write(0);
            (&raw mut (*call).limit_of).write(Whose::All);
            (&raw mut (*call).kept).write(ManuallyDrop::new(None));
            (&raw mut (*call).more).write(ManuallyDrop::new(None));
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
