//! Where policies report to. They read nothing back, and report outside any lock.

mod kind;
mod lines;
mod owned;
#[cfg(feature = "admin")]
pub(crate) mod recent;
mod stream;
#[cfg(feature = "tracing")]
mod tracing;

use std::fmt::Display;
use std::time::Duration;

use steadfast_options::Name;

pub use kind::EventKind;
#[cfg(feature = "tracing")]
pub(crate) use lines::Line;
pub(crate) use lines::Lines;
pub use stream::{Event as Told, Events, events};

use crate::breaker::StateChange;
use crate::classify::Class;
use crate::config::Fault;
use crate::conflict::Conflict;
use crate::rejection::Rejection;
#[cfg(feature = "config")]
use crate::setup::ConfigStatus;

/// Something that happened.
#[cfg_attr(not(feature = "tracing"), allow(dead_code))] // only the log is told sparingly
pub(crate) enum Event<'a> {
    /// A breaker changed its state.
    Transition {
        breaker: Name,
        change: &'a StateChange,
    },
    /// A breaker counted a failure.
    Failure {
        breaker: Name,
        failures: u64,
        threshold: Option<u32>,
    },
    /// A breaker let a probe pass.
    Probe {
        breaker: Name,
        out: usize,
        places: usize,
    },
    /// An attempt failed and will be followed by another.
    Retry {
        call: Name,
        attempt: u32,
        delay: Duration,
        class: Class,
        error: &'a dyn Display,
        lines: &'a Lines,
    },
    /// A later attempt succeeded.
    Recovered {
        call: Name,
        attempts: u32,
        lines: &'a Lines,
    },
    /// The last attempt failed.
    Exhausted {
        call: Name,
        attempts: u32,
        class: Class,
        error: &'a dyn Display,
        lines: &'a Lines,
    },
    /// Attempts were left, but the retry budget was not.
    BudgetSpent {
        call: Name,
        attempts: u32,
        class: Class,
        error: &'a dyn Display,
        lines: &'a Lines,
    },
    /// A policy refused or cut a call or an attempt.
    Rejected {
        call: Name,
        rejection: &'a Rejection,
        lines: &'a Lines,
    },
    /// A policy in mode `observe` would have refused or cut it.
    WouldReject {
        /// None where a handle was used.
        call: Option<(Name, &'a Lines)>,
        rejection: &'a Rejection,
    },
    /// A fallback answers.
    Fallback { call: Name, lines: &'a Lines },
    /// A cache answers in place of a call.
    Served { call: Name, served: Served },
    /// A refresh behind an old answer ended.
    Refreshed { call: Name, succeeded: bool },
    /// A queue, or its spool, has taken an entry.
    #[cfg(feature = "redis")]
    Queued {
        queue: Name,
        id: &'a str,
        spooled: bool,
    },
    /// An entry that was spooled is in Redis.
    #[cfg(feature = "redis")]
    Unspooled { queue: Name, id: &'a str },
    /// A line of a spool is no entry: the process that wrote it was killed meanwhile.
    #[cfg(feature = "redis")]
    Torn { queue: Name },
    /// The work of a call that failed could not be queued.
    #[cfg(feature = "redis")]
    NotQueued {
        call: Name,
        error: &'a crate::outbox::OutboxError,
    },
    /// An entry is done.
    #[cfg(feature = "redis")]
    Delivered {
        queue: Name,
        id: &'a str,
        attempts: u32,
    },
    /// An entry failed and is tried again.
    #[cfg(feature = "redis")]
    PutOff {
        queue: Name,
        id: &'a str,
        after: Duration,
        class: &'a str,
        error: &'a str,
    },
    /// An entry is given up.
    #[cfg(feature = "redis")]
    Dead {
        queue: Name,
        id: &'a str,
        class: &'a str,
        error: &'a str,
    },
    /// An entry was taken over from a worker that crashed.
    #[cfg(feature = "redis")]
    Claimed { queue: Name, id: &'a str },
    /// Answers are to be shared, but no setup named a Redis.
    #[cfg(feature = "redis")]
    AnswersAlone { call: Name },
    /// Redis was not told an answer, or gives none.
    #[cfg(feature = "redis")]
    NotShared {
        call: Name,
        error: &'a str,
        lines: &'a Lines,
    },
    /// What was kept can't be read any more.
    #[cfg(feature = "redis")]
    Unreadable { what: &'a str, error: &'a str },
    /// Two places in the code disagree.
    Conflict(&'a Conflict),
    /// More keys than a breaker keeps.
    TooManyKeys { breaker: Name, most: usize },
    /// A variable says something that can't hold, and is ignored.
    BadVariable(&'a Fault),
    /// A configuration was loaded, or refused.
    #[cfg(feature = "config")]
    Configured(&'a ConfigStatus),
    /// A breaker is to be shared, but no setup named a Redis.
    SharedAlone { breaker: Name },
    /// Redis is away.
    #[cfg(feature = "redis")]
    RedisLost {
        server: &'a str,
        reason: &'a dyn Display,
    },
    /// Redis is there, for the first time or again.
    #[cfg(feature = "redis")]
    RedisBack { server: &'a str },
    /// Redis serves, but not what one breaker has there.
    #[cfg(feature = "redis")]
    RedisRefused {
        breaker: Name,
        key: &'a str,
        code: &'a str,
        message: &'a str,
    },
    /// A limit or bulkhead is to be shared, but no setup named a Redis.
    LimitAlone { name: Name },
    /// The store of shared limits is out of reach.
    LimiterLost { store: &'a str },
    /// It is back.
    LimiterBack { store: &'a str },
    /// Something else is kept under the name of a shared account.
    AccountRefused { limit: Name, key: &'a str },
    /// More names than the registry keeps.
    TooManyNames { name: Name, most: usize },
}

/// What a cache answers with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Served {
    /// An answer younger than `fresh`.
    Fresh,
    /// An older one, with a refresh behind it.
    Stale,
    /// That of another's call, which was under way.
    Joined,
}

pub(crate) fn would_reject(call: Option<(Name, &Lines)>, rejection: &Rejection) {
    report(&Event::WouldReject { call, rejection });
}

/// How much an event matters to the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Debug,
    Info,
}

/// Whether an event of this weight reaches anybody. To ask first spares whoever fails or is refused
/// often the making of what nobody hears.
#[inline]
#[cfg_attr(not(feature = "tracing"), allow(unused_variables))]
pub(crate) fn is_heard(weight: Weight) -> bool {
    #[cfg(feature = "tracing")]
    if tracing::takes(weight) {
        return true;
    }
    stream::is_heard()
}

pub(crate) fn report(event: &Event<'_>) {
    #[cfg(feature = "admin")]
    if recent::is_kept(event) {
        recent::keep(stream::tell(event));
    } else {
        stream::tell_listeners(event);
    }
    #[cfg(not(feature = "admin"))]
    stream::tell_listeners(event);
    #[cfg(feature = "tracing")]
    tracing::write(event);
}
