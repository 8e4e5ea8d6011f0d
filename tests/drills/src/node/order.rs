//! What a node is told, and what it answers.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where Redis is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Place {
    /// One server's address.
    Server(String),
    /// The name that sentinels know it by, and their addresses.
    Sentinels(String, Vec<String>),
    /// Addresses of a cluster's nodes.
    Cluster(Vec<String>),
}

/// The first line: how a node is set up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Start {
    /// Where Redis is.
    pub place: Place,
    /// What keys begin with.
    pub prefix: String,
    /// Who vouches for the server's certificate.
    pub ca_file: Option<PathBuf>,
    /// The certificate that the node shows, and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Options of the breaker, as they are called there.
    pub failures: u32,
    /// In milliseconds.
    pub window_ms: u64,
    /// In milliseconds.
    pub recovery_ms: u64,
    /// Probes at a time.
    pub half_open: u32,
    /// Successful probes that close it.
    pub close_after: u32,
    /// In milliseconds.
    pub probe_timeout_ms: u64,
    /// Instances that must have seen failures.
    pub quorum: u32,
    /// A second rule, over rates, for which successes are told too.
    pub failure_rate: Option<f64>,
    /// So many further breakers, which no call uses.
    pub more: u32,
    /// Whether there is a second breaker that only counts and never opens.
    pub counter: bool,
}

impl Start {
    /// The usual: 40 failures in a minute open it for 30 s.
    #[must_use]
    pub fn at(place: Place) -> Self {
        Self {
            place,
            prefix: "drill".to_owned(),
            ca_file: None,
            identity: None,
            failures: 40,
            window_ms: 60_000,
            recovery_ms: 30_000,
            half_open: 2,
            close_after: 2,
            probe_timeout_ms: 30_000,
            quorum: 1,
            failure_rate: None,
            more: 0,
            counter: false,
        }
    }
}

/// Which of a node's breakers an order is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum On {
    /// The one that opens.
    Drill,
    /// The one that only counts.
    Counter,
}

/// A line to a node that runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Order {
    /// Make so many calls that fail, one after another.
    Fail(u32, On),
    /// Make so many calls that succeed, one after another.
    Succeed(u32, On),
    /// Ask until admitted, so many milliseconds at most, and keep the permit.
    Admit(u64),
    /// So many threads ask, from this time on and for so many milliseconds, each until it is admitted;
    /// they keep their permits.
    Race(u32, u64, u64),
    /// End all permits that are kept: well, with a failure, or as calls that were dropped.
    Finish(Option<bool>),
    /// Call and call in the background from so many threads, with a pause in microseconds between two
    /// calls and this share of failures.
    Load(u32, u64, f64),
    /// End that, and tell how it went.
    Unload,
    /// The same of the calls since the last time it was asked, without an end.
    Loaded,
    /// What is known of the breaker.
    Show,
    /// `reset`, `force_open`, `disable` or `release`.
    Steer(String),
    /// Wait until the breaker is in this state, so many milliseconds at most, without making a call.
    Await(String, u64),
    /// What happened since the last time this was asked.
    Events,
}

/// Whether a node came to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Joining {
    /// Why not.
    pub error: Option<String>,
}

/// Calls that were made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Done {
    /// How many were admitted.
    pub admitted: u64,
    /// How many were refused.
    pub refused: u64,
    /// When the last was to be made, and when it had ended.
    pub last: (u64, u64),
    /// How long the breaker held the calls up, each from its asking and its telling, in nanoseconds:
    /// half of them at most, all but one of a hundred, and the longest.
    pub held: (u64, u64, u64),
    /// When it was the longest.
    pub longest_at: u64,
}

/// Whether what was waited for came.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Waited {
    /// How many came.
    pub count: u64,
    /// When the last of them did.
    pub at: u64,
    /// The state just after.
    pub state: String,
    /// Whether the node went by local counts just before or after.
    pub degraded: bool,
}

/// What a node knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shown {
    /// The state.
    pub state: String,
    /// Whether it goes by local counts.
    pub degraded: bool,
    /// Failures as it knows them.
    pub failures: u64,
    /// Until a probe may be tried, in milliseconds.
    pub retry_in_ms: Option<f64>,
    /// Failures of the counter that it knows of.
    pub counted: u64,
}

/// A line from a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answered {
    /// To calls.
    Done(Done),
    /// To what was waited for.
    Waited(Waited),
    /// To `Show`.
    Shown(Shown),
    /// To `Events`.
    Events(Vec<super::Heard>),
    /// To what has no other answer.
    Ok,
}
