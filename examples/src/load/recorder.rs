//! What became of the visits: memory is bounded by the length of the run, not by its load.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::Outcome;
use super::recovery::{Bucket, GRAIN, PROMPT};

/// Seconds that are kept for the live view.
const KEPT: usize = 60;
/// In microseconds; no customer waits as long.
const LONGEST: u64 = 60_000_000;

/// Visits by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Served with everything.
    pub full: u64,
    /// Served without a part that can be spared.
    pub degraded: u64,
    /// Answered with an error.
    pub refused: u64,
    /// Not answered at all.
    pub unanswered: u64,
}

impl Tally {
    /// All of them.
    #[must_use]
    pub fn all(self) -> u64 {
        self.full + self.degraded + self.failed()
    }

    /// Those that came to nothing.
    #[must_use]
    pub fn failed(self) -> u64 {
        self.refused + self.unanswered
    }

    fn add(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Full => &mut self.full,
            Outcome::Degraded => &mut self.degraded,
            Outcome::Failed => &mut self.refused,
            Outcome::Unanswered => &mut self.unanswered,
        } += 1;
    }
}

/// The visits that ended within one second of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Second {
    /// By outcome.
    pub tally: Tally,
    /// Half of them took at most this long.
    pub p50: Duration,
    /// Ninety-nine in a hundred took at most this long.
    pub p99: Duration,
}

/// The whole run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Totals {
    /// By outcome.
    pub tally: Tally,
    /// Those that took longer than [`PROMPT`], whatever their outcome.
    pub slow: u64,
    /// Visits that have no outcome yet.
    pub waiting: u64,
    /// Half of the visits took at most this long, failed ones included.
    pub p50: Duration,
    /// Ninety-nine in a hundred took at most this long, failed ones included.
    pub p99: Duration,
}

/// Records what becomes of one kind of visits to one service.
#[derive(Debug)]
pub struct Recorder(Mutex<Records>);

#[derive(Debug)]
struct Records {
    sent: u64,
    slow: u64,
    all: Span,
    second: Span,
    seconds: VecDeque<Second>,
    buckets: Vec<Bucket>,
}

#[derive(Debug)]
struct Span {
    tally: Tally,
    latencies: Histogram<u64>,
}

impl Recorder {
    /// For a run of this length.
    #[must_use]
    pub fn new(length: Duration) -> Self {
        let buckets = length.as_millis().div_ceil(GRAIN.as_millis()) as usize;
        Self(Mutex::new(Records {
            sent: 0,
            slow: 0,
            all: Span::new(),
            second: Span::new(),
            seconds: VecDeque::with_capacity(KEPT),
            buckets: vec![Bucket::default(); buckets],
        }))
    }

    /// A visit has begun.
    pub fn sent(&self) {
        self.records().sent += 1;
    }

    /// A visit that was due at `arrival` ended after `took`.
    pub fn ended(&self, arrival: Duration, took: Duration, outcome: Outcome) {
        let mut records = self.records();
        records.all.add(took, outcome);
        records.second.add(took, outcome);
        records.slow += u64::from(took > PROMPT);
        let index = (arrival.as_millis() / GRAIN.as_millis()) as usize;
        if let Some(bucket) = records.buckets.get_mut(index) {
            bucket.arrived += 1;
            bucket.healthy += u32::from(outcome == Outcome::Full && took <= PROMPT);
        }
    }

    /// Closes the present second; to be called once a second.
    pub fn tick(&self) {
        let mut records = self.records();
        let second = records.second.close();
        if records.seconds.len() == KEPT {
            records.seconds.pop_front();
        }
        records.seconds.push_back(second);
    }

    /// The seconds closed so far, up to the last sixty, the oldest first.
    #[must_use]
    pub fn seconds(&self) -> Vec<Second> {
        self.records().seconds.iter().copied().collect()
    }

    /// The run so far.
    #[must_use]
    pub fn totals(&self) -> Totals {
        let records = self.records();
        Totals {
            tally: records.all.tally,
            slow: records.slow,
            waiting: records.sent - records.all.tally.all(),
            p50: records.all.quantile(0.5),
            p99: records.all.quantile(0.99),
        }
    }

    /// Arrivals by time.
    #[must_use]
    pub fn buckets(&self) -> Vec<Bucket> {
        self.records().buckets.clone()
    }

    fn records(&self) -> MutexGuard<'_, Records> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Span {
    fn new() -> Self {
        let latencies = Histogram::new_with_bounds(1, LONGEST, 3);
        Self {
            tally: Tally::default(),
            latencies: latencies.expect("three digits from 1 µs to 60 s are within the bounds"),
        }
    }

    fn add(&mut self, took: Duration, outcome: Outcome) {
        self.tally.add(outcome);
        self.latencies.saturating_record(took.as_micros() as u64);
    }

    fn quantile(&self, quantile: f64) -> Duration {
        Duration::from_micros(self.latencies.value_at_quantile(quantile))
    }

    fn close(&mut self) -> Second {
        let second = Second {
            tally: self.tally,
            p50: self.quantile(0.5),
            p99: self.quantile(0.99),
        };
        self.tally = Tally::default();
        self.latencies.reset();
        second
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn outcomes_add_up() {
        let recorder = Recorder::new(Duration::from_secs(1));
        for (took, outcome) in [
            (10, Outcome::Full),
            (20, Outcome::Degraded),
            (30, Outcome::Failed),
            (10_000, Outcome::Unanswered),
        ] {
            recorder.sent();
            recorder.ended(Duration::ZERO, took * MS, outcome);
        }
        recorder.sent();
        let totals = recorder.totals();
        assert_eq!(
            (totals.tally.all(), totals.tally.failed(), totals.waiting),
            (4, 2, 1)
        );
        assert_eq!((totals.slow, totals.p50.as_millis()), (1, 20));
        assert!(
            totals.p99.abs_diff(10_000 * MS) < 10 * MS,
            "{:?}",
            totals.p99
        );
    }

    #[test]
    fn a_closed_second_starts_afresh() {
        let recorder = Recorder::new(Duration::from_secs(1));
        recorder.ended(Duration::ZERO, 5 * MS, Outcome::Full);
        recorder.tick();
        recorder.tick();
        let seconds = recorder.seconds();
        assert_eq!(seconds[0].tally.full, 1);
        assert_eq!(seconds[1], Second::default());
    }

    #[test]
    fn only_the_last_minute_is_kept() {
        let recorder = Recorder::new(Duration::from_secs(600));
        for _ in 0..200 {
            recorder.tick();
        }
        assert_eq!(recorder.seconds().len(), KEPT);
    }

    #[test]
    fn late_and_degraded_checkouts_are_not_healthy() {
        let recorder = Recorder::new(Duration::from_millis(200));
        recorder.ended(50 * MS, 10 * MS, Outcome::Full);
        recorder.ended(150 * MS, 1001 * MS, Outcome::Full);
        recorder.ended(150 * MS, 10 * MS, Outcome::Degraded);
        let buckets = recorder.buckets();
        assert_eq!(
            buckets[0],
            Bucket {
                arrived: 1,
                healthy: 1
            }
        );
        assert_eq!(
            buckets[1],
            Bucket {
                arrived: 2,
                healthy: 0
            }
        );
    }
}
