//! Permits, for code that no attribute fits.

use std::fmt;

use super::{Breaker, Nanos, Pass};
use crate::lasting::Lasting;

/// Leave to make one call, from [`Breaker::admit`]. Dropped, it counts as nothing and gives a
/// probe's place back.
#[must_use = "a dropped permit counts as nothing"]
pub struct Permit {
    breaker: Lasting<Breaker>,
    pass: Option<Pass>,
    started: Nanos,
}

impl Permit {
    pub(super) fn new(breaker: Lasting<Breaker>, pass: Option<Pass>, started: Nanos) -> Self {
        Self {
            breaker,
            pass,
            started,
        }
    }

    /// The call succeeded. Slow where it took longer than `slow_call` since it was admitted.
    pub fn success(mut self) {
        if let Some(pass) = self.pass.take() {
            self.breaker.account().permit_succeeded();
            self.breaker.succeeded(pass, self.started);
        }
    }

    /// The call failed.
    pub fn failure(self) {
        self.end_failed(None);
    }

    /// The call failed with this error, whose text the breaker's [`history`](Breaker::history) keeps
    /// where it opens the circuit.
    pub fn failed_with(self, error: &dyn fmt::Display) {
        self.end_failed(Some(error));
    }

    fn end_failed(mut self, error: Option<&dyn fmt::Display>) {
        if let Some(pass) = self.pass.take() {
            self.breaker.failed(pass, self.started, error);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.breaker.cancelled(pass);
        }
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("breaker", &self.breaker.name())
            .finish_non_exhaustive()
    }
}
