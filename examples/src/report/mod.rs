//! What a run has shown, for people and for machines.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::demo::{Emails, Kept};
use crate::dependency::PerDependency;
use crate::load::{Recorder, Tally, Totals, recovery};
use crate::upstream::Hits;

mod rows;
mod table;

pub use table::table;

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The name of a shipped scenario, or the path of a file.
    pub scenario: String,
    /// What the scenario shows.
    pub title: String,
    /// How long customers came.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub length: Duration,
    /// When the last dependency was well again, from the start.
    #[serde(rename = "well_again_at_seconds", serialize_with = "some_seconds")]
    pub well_again: Option<Duration>,
    /// Checkouts a second, in each arm.
    pub rate: u32,
    /// Product pages a second, in each arm.
    pub page_rate: u32,
    /// How long the queue of e-mails took to empty after the last customer; none where there is no
    /// queue, since there was no Redis.
    #[serde(rename = "queue_drained_seconds", serialize_with = "some_seconds")]
    pub drained: Option<Duration>,
    /// What decided who met what.
    pub seed: u64,
    /// Whether someone ended the run before its time.
    pub interrupted: bool,
    /// The service whose calls are guarded.
    pub with_policies: ArmReport,
    /// The same service without.
    pub without: ArmReport,
}

/// The result of one arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmReport {
    /// Customers who came.
    pub checkouts: u64,
    /// Served with everything.
    pub served_in_full: u64,
    /// Served without the mail or the words of thanks.
    pub degraded: u64,
    /// Served nothing: answered with an error, or not answered.
    pub failed: u64,
    /// The failed ones that were not answered at all.
    pub unanswered: u64,
    /// Took longer than [`PROMPT`](crate::load::PROMPT), whatever their outcome.
    pub slow: u64,
    /// Half of the checkouts took at most this long, failed ones included.
    #[serde(rename = "p50_ms", serialize_with = "milliseconds")]
    pub p50: Duration,
    /// Ninety-nine in a hundred took at most this long, failed ones included.
    #[serde(rename = "p99_ms", serialize_with = "milliseconds")]
    pub p99: Duration,
    /// From the end of the last sickness to the first healthy stretch.
    #[serde(rename = "recovery_seconds", serialize_with = "some_seconds")]
    pub recovery: Option<Duration>,
    /// What became of the product pages.
    pub pages: Pages,
    /// What became of the e-mails.
    pub emails: Emails,
    /// What reached the dependencies.
    pub requests: PerDependency<Requests>,
}

/// What became of the product pages of one arm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Pages {
    /// Customers who looked.
    pub asked: u64,
    /// Those who saw all of it.
    pub served_in_full: u64,
    /// Those who saw it without what speaks for the product.
    pub degraded: u64,
    /// Those who saw nothing: an error, or no answer.
    pub failed: u64,
    /// The failed ones that were not answered at all.
    pub unanswered: u64,
    /// Served ones that needed no call to the catalog.
    #[serde(flatten)]
    pub kept: Kept,
    /// Half of the pages took at most this long, failed ones included.
    #[serde(rename = "p50_ms", serialize_with = "milliseconds")]
    pub p50: Duration,
    /// Ninety-nine in a hundred took at most this long, failed ones included.
    #[serde(rename = "p99_ms", serialize_with = "milliseconds")]
    pub p99: Duration,
}

impl Pages {
    /// From what was recorded, once every customer has an outcome.
    #[must_use]
    pub fn new(totals: &Totals, kept: Kept) -> Self {
        let Tally {
            full,
            degraded,
            unanswered,
            ..
        } = totals.tally;
        Self {
            asked: totals.tally.all(),
            served_in_full: full,
            degraded,
            failed: totals.tally.failed(),
            unanswered,
            kept,
            p50: totals.p50,
            p99: totals.p99,
        }
    }

    /// Those who saw a page, be it without a part.
    #[must_use]
    pub fn served(&self) -> u64 {
        self.served_in_full + self.degraded
    }
}

/// What reached one dependency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// In all.
    pub total: u64,
    /// While it hung, reset or failed requests, be it only some.
    pub while_sick: u64,
}

impl From<Hits> for Requests {
    fn from(hits: Hits) -> Self {
        Self {
            total: hits.total,
            while_sick: hits.sick,
        }
    }
}

impl ArmReport {
    /// From what was recorded, once every customer has an outcome.
    #[must_use]
    pub fn new(
        recorder: &Recorder,
        pages: Pages,
        emails: Emails,
        requests: PerDependency<Requests>,
        well_again: Option<Duration>,
    ) -> Self {
        let totals = recorder.totals();
        let Tally {
            full,
            degraded,
            unanswered,
            ..
        } = totals.tally;
        Self {
            checkouts: totals.tally.all(),
            served_in_full: full,
            degraded,
            failed: totals.tally.failed(),
            unanswered,
            slow: totals.slow,
            p50: totals.p50,
            p99: totals.p99,
            recovery: well_again.and_then(|end| recovery(&recorder.buckets(), end)),
            pages,
            emails,
            requests,
        }
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_micros() as f64 / 1000.0)
}

#[expect(clippy::ref_option, reason = "the signature is serde's")]
fn some_seconds<S: Serializer>(
    duration: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    duration
        .map(|duration| duration.as_secs_f64())
        .serialize(serializer)
}
