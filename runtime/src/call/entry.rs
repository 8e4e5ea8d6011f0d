//! A first attempt that nothing but a closed breaker stands before.

use crate::breaker::Pass;
use crate::current::{self, Around};
use crate::policy::{Ended, Opening, Resolved};

/// What such an attempt was let in with: all that a call needs which succeeds at once.
#[derive(Clone, Copy)]
pub(super) struct Entry<'p> {
    pub(super) policy: &'p Resolved,
    /// Of the breaker, where there is one.
    pub(super) pass: Option<Pass>,
}

impl<'p> Entry<'p> {
    /// None where there is more to see to: other guards, a breaker that is not closed, a deadline
    /// of its own or of a call around.
    #[inline]
    pub(super) fn of(policy: &'p Resolved) -> Option<Self> {
        let pass = match &policy.opening {
            Opening::Free => None,
            Opening::Breaker(breaker) => Some(breaker.pass_if_closed()?),
            Opening::Other => return None,
        };
        let plain = !current::is_inside() && !policy.has_planned_fault();
        plain.then_some(Self { policy, pass })
    }

    /// What the body sees.
    #[inline]
    pub(super) fn around(self) -> Around {
        Around {
            attempt: 1,
            timeout: self.policy.timeout,
            ..Around::NOTHING
        }
    }

    /// The body gave a value.
    #[inline]
    pub(super) fn succeeded(self) {
        if let (Some(pass), Opening::Breaker(breaker)) = (self.pass, &self.policy.opening) {
            breaker.succeeded(pass, 0);
        }
        self.policy.count(Ended::Ok);
    }
}

/// Counts a panic of the body as a failure.
pub(super) struct Running<'p>(Entry<'p>);

impl<'p> Running<'p> {
    #[inline]
    pub(super) fn new(entry: Entry<'p>) -> Self {
        Self(entry)
    }

    /// The body came back.
    #[inline]
    pub(super) fn end(self) {
        std::mem::forget(self);
    }
}

impl Drop for Running<'_> {
    #[cold]
    fn drop(&mut self) {
        if let (Some(pass), Opening::Breaker(breaker)) = (self.0.pass, &self.0.policy.opening) {
            breaker.failed(pass, 0);
        }
    }
}
