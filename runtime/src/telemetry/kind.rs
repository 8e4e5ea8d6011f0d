//! Kinds of events, as a program sees them.

use std::time::Duration;

use steadfast_options::Name;

use super::Served;
use crate::breaker::StateChange;
use crate::classify::Class;
use crate::conflict::Conflict;
use crate::rejection::Rejection;
#[cfg(feature = "config")]
use crate::setup::ConfigStatus;

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventKind {
    /// A breaker changed its state.
    StateChanged {
        /// The breaker.
        breaker: Name,
        /// From which state to which, and why.
        change: StateChange,
    },
    /// A breaker counted a failure.
    Failure {
        /// The breaker.
        breaker: Name,
        /// Its failures now.
        failures: u64,
        /// How many open it; none where only rates do.
        threshold: Option<u32>,
    },
    /// A breaker let a probe pass.
    Probe {
        /// The breaker.
        breaker: Name,
        /// Probes that are out now.
        out: usize,
        /// How many may be.
        places: usize,
    },
    /// An attempt failed and will be followed by another.
    Retry {
        /// The call.
        call: Name,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// The pause before the next.
        delay: Duration,
        /// What its error means.
        class: Class,
        /// Its error.
        error: Box<str>,
    },
    /// A later attempt succeeded.
    Recovered {
        /// The call.
        call: Name,
        /// How many attempts it took.
        attempts: u32,
    },
    /// The last attempt failed.
    Exhausted {
        /// The call.
        call: Name,
        /// How many attempts there were.
        attempts: u32,
        /// What the last error means.
        class: Class,
        /// The last error.
        error: Box<str>,
    },
    /// Attempts were left, but the retry budget was not.
    BudgetSpent {
        /// The call.
        call: Name,
        /// How many attempts there were.
        attempts: u32,
        /// What the last error means.
        class: Class,
        /// The last error.
        error: Box<str>,
    },
    /// A policy refused or cut a call or an attempt.
    Rejected {
        /// The call.
        call: Name,
        /// By what.
        rejection: Rejection,
    },
    /// A policy in mode `observe` would have.
    WouldReject {
        /// The call; none where a handle was used.
        call: Option<Name>,
        /// By what.
        rejection: Rejection,
    },
    /// A fallback answers.
    Fallback {
        /// The call.
        call: Name,
    },
    /// A cache answered in place of a call.
    Served {
        /// The call.
        call: Name,
        /// With which answer.
        served: Served,
    },
    /// A refresh behind an old answer ended.
    Refreshed {
        /// The call.
        call: Name,
        /// Whether it brought an answer; else the old one stays.
        succeeded: bool,
    },
    /// A queue has taken an entry.
    #[cfg(feature = "redis")]
    Queued {
        /// The queue.
        queue: Name,
        /// The entry.
        id: Box<str>,
        /// Whether it waits on the disk for Redis to come back.
        spooled: bool,
    },
    /// An entry that waited on the disk is in Redis.
    #[cfg(feature = "redis")]
    Unspooled {
        /// The queue.
        queue: Name,
        /// The entry.
        id: Box<str>,
    },
    /// A line of a spool is no entry: who wrote it was killed meanwhile, and acknowledged nothing.
    #[cfg(feature = "redis")]
    Torn {
        /// The queue.
        queue: Name,
    },
    /// The work of a call that failed could not be queued: its caller got the call's own error.
    #[cfg(feature = "redis")]
    NotQueued {
        /// The call.
        call: Name,
        /// Why not.
        error: Box<str>,
    },
    /// A worker has done an entry.
    #[cfg(feature = "redis")]
    Delivered {
        /// The queue.
        queue: Name,
        /// The entry.
        id: Box<str>,
        /// Attempts that counted, this one among them.
        attempts: u32,
    },
    /// An entry failed and is tried again.
    #[cfg(feature = "redis")]
    PutOff {
        /// The queue.
        queue: Name,
        /// The entry.
        id: Box<str>,
        /// When it is tried again.
        after: Duration,
        /// The error's text.
        error: Box<str>,
    },
    /// An entry is given up, and is a dead letter now.
    #[cfg(feature = "redis")]
    Dead {
        /// The queue.
        queue: Name,
        /// The entry.
        id: Box<str>,
        /// The error's text.
        error: Box<str>,
    },
    /// An entry was taken over from a worker that is gone.
    #[cfg(feature = "redis")]
    Claimed {
        /// The queue.
        queue: Name,
        /// The entry.
        id: Box<str>,
    },
    /// Answers are to be kept in Redis, but no setup named one: they are kept in this process.
    #[cfg(feature = "redis")]
    AnswersAlone {
        /// The call.
        call: Name,
    },
    /// An answer could not be kept in Redis, or asked for there, whatever the link: it is too large, or
    /// something else stands under its key. Memory has it.
    #[cfg(feature = "redis")]
    NotShared {
        /// The call.
        call: Name,
        /// Why not.
        error: Box<str>,
    },
    /// What was kept can't be read any more, as where its type has changed.
    #[cfg(feature = "redis")]
    Unreadable {
        /// The queue or the call.
        what: Box<str>,
        /// Why not.
        error: Box<str>,
    },
    /// Two places in the code define one policy differently.
    Conflict(Conflict),
    /// More keys than a breaker keeps; calls of further keys run unguarded.
    TooManyKeys {
        /// The breaker.
        breaker: Name,
        /// How many it keeps.
        most: usize,
    },
    /// More names than a registry keeps.
    TooManyNames {
        /// The first that is not kept.
        name: Name,
        /// How many are.
        most: usize,
    },
    /// A breaker is to be shared, but no setup named a Redis.
    SharedAlone {
        /// The breaker.
        breaker: Name,
    },
    /// Redis is away.
    #[cfg(feature = "redis")]
    RedisLost {
        /// Where it is.
        server: Box<str>,
        /// What went wrong.
        reason: Box<str>,
    },
    /// Redis is there, for the first time or again.
    #[cfg(feature = "redis")]
    RedisBack {
        /// Where it is.
        server: Box<str>,
    },
    /// Redis serves, but not what one breaker has there.
    #[cfg(feature = "redis")]
    RedisRefused {
        /// The breaker.
        breaker: Name,
        /// Its key in Redis.
        key: Box<str>,
        /// What Redis says: a code, and a text.
        message: Box<str>,
    },
    /// A rate limit or a bulkhead is to be shared, but no setup named a Redis.
    LimitAlone {
        /// The rate limit or bulkhead.
        name: Name,
    },
    /// Redis is out of reach: shared limits and bulkheads go by memory, each instance by its part.
    LimiterLost {
        /// Where Redis is.
        server: Box<str>,
    },
    /// Redis is back: shared limits and bulkheads rule again.
    LimiterBack {
        /// Where Redis is.
        server: Box<str>,
    },
    /// Redis keeps something else under the key of a limit or bulkhead, which holds in memory until that is
    /// gone.
    LimitRefused {
        /// The rate limit or bulkhead.
        name: Name,
        /// The key, where it is a limit with keys.
        key: Box<str>,
    },
    /// A variable says something that can't hold, and is ignored.
    BadVariable(Box<str>),
    /// A configuration was loaded, or refused.
    #[cfg(feature = "config")]
    Configured(ConfigStatus),
}

impl EventKind {
    /// The kind in a word, such as `state_changed`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::StateChanged { .. } => "state_changed",
            Self::Failure { .. } => "failure",
            Self::Probe { .. } => "probe",
            Self::Retry { .. } => "retry",
            Self::Recovered { .. } => "recovered",
            Self::Exhausted { .. } => "exhausted",
            Self::BudgetSpent { .. } => "budget_spent",
            Self::Rejected { .. } => "rejected",
            Self::WouldReject { .. } => "would_reject",
            Self::Fallback { .. } => "fallback",
            #[cfg(feature = "redis")]
            Self::Queued { .. } => "queued",
            #[cfg(feature = "redis")]
            Self::Unspooled { .. } => "unspooled",
            #[cfg(feature = "redis")]
            Self::Torn { .. } => "torn",
            #[cfg(feature = "redis")]
            Self::NotQueued { .. } => "not_queued",
            #[cfg(feature = "redis")]
            Self::Delivered { .. } => "delivered",
            #[cfg(feature = "redis")]
            Self::PutOff { .. } => "put_off",
            #[cfg(feature = "redis")]
            Self::Dead { .. } => "dead",
            #[cfg(feature = "redis")]
            Self::Claimed { .. } => "claimed",
            #[cfg(feature = "redis")]
            Self::Unreadable { .. } => "unreadable",
            #[cfg(feature = "redis")]
            Self::AnswersAlone { .. } => "answers_alone",
            #[cfg(feature = "redis")]
            Self::NotShared { .. } => "not_shared",
            Self::Served { .. } => "served",
            Self::Refreshed { .. } => "refreshed",
            Self::Conflict(_) => "conflict",
            Self::TooManyKeys { .. } => "too_many_keys",
            Self::TooManyNames { .. } => "too_many_names",
            Self::SharedAlone { .. } => "shared_alone",
            #[cfg(feature = "redis")]
            Self::RedisLost { .. } => "redis_lost",
            #[cfg(feature = "redis")]
            Self::RedisBack { .. } => "redis_back",
            #[cfg(feature = "redis")]
            Self::RedisRefused { .. } => "redis_refused",
            Self::LimitAlone { .. } => "limit_alone",
            Self::LimiterLost { .. } => "limiter_lost",
            Self::LimiterBack { .. } => "limiter_back",
            Self::LimitRefused { .. } => "limit_refused",
            Self::BadVariable(_) => "bad_variable",
            #[cfg(feature = "config")]
            Self::Configured(_) => "configured",
        }
    }
}
