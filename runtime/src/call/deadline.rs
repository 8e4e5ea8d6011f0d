//! When a call ends at the latest.

use std::time::Duration;

use crate::breaker::{Nanos, nanos};
use crate::rejection::Rejection;
use crate::{clock, current};

/// The end of a call: its own, or that of a call around it, whichever comes first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    pub(super) at: Nanos,
    pub(super) limit: Duration,
    owner: Owner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    This,
    /// A call around this one.
    Outer,
}

impl Deadline {
    pub(super) const NONE: Self = Self {
        at: Nanos::MAX,
        limit: Duration::MAX,
        owner: Owner::This,
    };

    /// Measured from now.
    #[inline]
    pub(super) fn new(own: Option<Duration>) -> Self {
        let own = own.map_or(Self::NONE, |limit| Self {
            at: clock::start_of(limit).saturating_add(nanos(limit)),
            limit,
            owner: Owner::This,
        });
        let (at, limit) = current::ends();
        if at < own.at {
            return Self {
                at,
                limit,
                owner: Owner::Outer,
            };
        }
        own
    }

    pub(super) fn is_outer(&self) -> bool {
        self.owner == Owner::Outer
    }

    #[inline]
    pub(super) fn is_none(&self) -> bool {
        self.at == Nanos::MAX
    }

    /// Time left; none where there is no end.
    pub(super) fn left(&self) -> Option<Duration> {
        (!self.is_none()).then(|| clock::left(self.at).unwrap_or_default())
    }

    /// Whether a pause would end too late for another attempt.
    pub(super) fn outlasted_by(&self, pause: Duration) -> bool {
        self.left().is_some_and(|left| pause >= left)
    }

    pub(super) fn rejection(&self) -> Rejection {
        Rejection::DeadlineExceeded { limit: self.limit }
    }
}
