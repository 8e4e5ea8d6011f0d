//! When a call ends at the latest.

use std::time::Duration;

use tokio::time::Instant;

use crate::breaker::{Nanos, nanos};
use crate::clock;
use crate::rejection::Rejection;

/// The end of a call: its own, or that of a call around it, whichever comes first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Nanos,
    pub(crate) limit: Duration,
    owner: Owner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    This,
    /// A call around this one.
    Outer,
}

impl Deadline {
    pub(crate) const NONE: Self = Self {
        at: Nanos::MAX,
        limit: Duration::MAX,
        owner: Owner::This,
    };

    /// One that begins now.
    pub(crate) fn of(limit: Duration) -> Self {
        Self::from(clock::precise(), limit)
    }

    /// One that begins now, for every call: long ones are measured by the coarse clock.
    #[inline]
    pub(crate) fn of_call(limit: Duration) -> Self {
        Self::from(clock::start_of(limit), limit)
    }

    /// One that ends at this instant, after this time.
    pub(crate) fn at(end: Instant, limit: Duration) -> Self {
        Self {
            at: clock::at(end),
            limit,
            owner: Owner::This,
        }
    }

    fn from(start: Nanos, limit: Duration) -> Self {
        Self {
            at: start.saturating_add(nanos(limit)),
            limit,
            owner: Owner::This,
        }
    }

    /// The end of a call around, where that comes first.
    pub(crate) fn or_outer(self, outer: Self) -> Self {
        if outer.at < self.at {
            return Self {
                owner: Owner::Outer,
                ..outer
            };
        }
        self
    }

    /// The end that comes first.
    pub(crate) fn min(self, other: Self) -> Self {
        if other.at < self.at { other } else { self }
    }

    pub(crate) fn is_outer(&self) -> bool {
        self.owner == Owner::Outer
    }

    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.at == Nanos::MAX
    }

    /// Time left; none where there is no end.
    pub(crate) fn left(&self) -> Option<Duration> {
        (!self.is_none()).then(|| clock::left(self.at).unwrap_or_default())
    }

    /// Whether a pause would end too late for another attempt.
    pub(crate) fn outlasted_by(&self, pause: Duration) -> bool {
        self.left().is_some_and(|left| pause >= left)
    }

    pub(crate) fn rejection(&self) -> Rejection {
        Rejection::DeadlineExceeded { limit: self.limit }
    }
}
