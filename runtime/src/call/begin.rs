//! How a call begins: with a policy that it borrows, or keeps.
#![allow(unsafe_code)]

use std::mem::{ManuallyDrop, MaybeUninit};
use std::sync::Arc;
use std::task::Context;

use steadfast_options::Guards;

use super::attempt::Progress;
use super::body::Body;
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

/// A call that begins when it is first polled.
pub(super) struct Lazy {
    site: &'static Site,
    phase: Phase,
    /// There while the phase is `Begun`.
    call: MaybeUninit<Call<'static>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    New,
    Begun,
    Over,
}

impl Lazy {
    #[inline]
    pub(super) const fn new(site: &'static Site) -> Self {
        Self {
            site,
            phase: Phase::New,
            call: MaybeUninit::uninit(),
        }
    }

    /// Goes on with the call. Once that is over, its result is no longer pending.
    ///
    /// # Panics
    ///
    /// Where it was over before.
    #[inline(never)]
    pub(super) fn run(&mut self, body: &mut dyn Body, context: &mut Context<'_>) {
        if self.phase != Phase::Begun {
            self.begin();
        }
        // SAFETY: the phase is `Begun`, which it is only while the call is there.
        let call = unsafe { self.call.assume_init_mut() };
        loop {
            match call.run(body, context) {
                Progress::Again => {}
                Progress::Pending => return,
                Progress::Over => break,
            }
        }
        self.end();
    }

    #[inline]
    fn begin(&mut self) {
        if self.phase == Phase::Over {
            polled_when_over();
        }
        self.call.write(Call::at(self.site));
        self.phase = Phase::Begun;
    }

    #[inline]
    fn end(&mut self) {
        self.phase = Phase::Over;
        // SAFETY: the phase was `Begun`, so that the call is there, and is so no longer.
        unsafe { self.call.assume_init_drop() }
    }
}

impl Drop for Lazy {
    #[inline]
    fn drop(&mut self) {
        if self.phase == Phase::Begun {
            self.left();
        }
    }
}

impl Lazy {
    /// Ends a call that is dropped. Not part of the drop, as with [`Call`].
    #[cold]
    #[inline(never)]
    fn left(&mut self) {
        self.end();
    }
}

#[cold]
#[inline(never)]
fn polled_when_over() -> ! {
    panic!("the future of a call was polled after it had given its result")
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
