//! How many retries a site may add to its load.
//!
//! After Finagle's `RetryBudget`, gRPC's retry throttling (proposal A6) and the retry quotas of the
//! AWS SDKs: over the last 10 s retries may be a share of calls, and a number a second on top, so
//! that quiet sites may retry too.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use steadfast_options::Ratio;

use crate::breaker::{Buckets, Nanos, Outcome, Successes, TimeWindow, Writers, nanos};
use crate::clock;

const WINDOW: Duration = Duration::from_secs(10);
/// The counts never start afresh.
const EPOCH: u64 = 1;

pub(crate) struct Budget {
    ratio: f64,
    /// What the window allows without any call.
    free: u64,
    origin: Nanos,
    calls: Successes,
    retries: Arc<Mutex<TimeWindow>>,
}

impl Budget {
    pub(crate) fn new(ratio: Ratio, min_per_second: u32) -> Self {
        let buckets = Buckets::over(Some(nanos(WINDOW)));
        Self {
            ratio: ratio.get(),
            free: u64::from(min_per_second) * WINDOW.as_secs(),
            origin: clock::now(),
            calls: Successes::new(buckets, Writers::Striped),
            retries: Arc::new(Mutex::new(TimeWindow::new(buckets))),
        }
    }

    /// Goes on with the calls and retries that another budget has counted.
    pub(crate) fn count_on(&mut self, before: &Self) {
        self.origin = before.origin;
        self.calls = before.calls.clone();
        self.retries = before.retries.clone();
    }

    /// One more call (not attempt).
    #[inline]
    pub(crate) fn called(&self) {
        self.calls.add(EPOCH, self.origin, clock::now());
    }

    /// Whether there is room for one more retry, which is counted then.
    pub(crate) fn allows(&self) -> bool {
        let now = clock::now();
        let calls = self.calls.sum(EPOCH, self.origin, now);
        let mut retries = self.retries.lock().unwrap_or_else(PoisonError::into_inner);
        let room = within(
            retries.counts(self.origin, now).calls,
            calls,
            self.ratio,
            self.free,
        );
        if room {
            retries.add(self.origin, now, Outcome::SUCCESS);
        }
        room
    }
}

impl std::fmt::Debug for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Budget")
            .field("ratio", &self.ratio)
            .field("free", &self.free)
            .finish_non_exhaustive()
    }
}

/// Whether one retry more than `retries` is within the budget of so many calls.
fn within(retries: u64, calls: u64, ratio: f64, free: u64) -> bool {
    (retries + 1) as f64 <= free as f64 + ratio * calls as f64
}

#[cfg(test)]
mod tests {
    use super::within;

    #[test]
    fn retries_are_a_share_of_calls_and_a_floor() {
        assert!(within(0, 0, 0.2, 10));
        assert!(within(9, 0, 0.2, 10));
        assert!(!within(10, 0, 0.2, 10));
        assert!(within(29, 100, 0.2, 10));
        assert!(!within(30, 100, 0.2, 10));
        assert!(!within(0, 4, 0.2, 0));
        assert!(within(0, 5, 0.2, 0));
    }
}
