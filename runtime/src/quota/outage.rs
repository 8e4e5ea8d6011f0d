//! What holds while the store is out of reach: pure.

use std::time::Duration;

use steadfast_options::{RateLimitPatch, Then, defaults};

use super::Nanos;
use crate::breaker::nanos;

/// What a limit says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// How long memory serves.
    pub(crate) fail_open: Duration,
    /// What comes after.
    pub(crate) then: Then,
}

/// How a limit goes on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alone {
    /// By this instance's part of it.
    Share,
    Deny,
    Allow,
}

impl Terms {
    pub(crate) fn new(limit: &RateLimitPatch) -> Self {
        use defaults::rate_limit as default;
        Self {
            fail_open: limit.fail_open.unwrap_or(default::fail_open),
            then: limit.then.unwrap_or(default::then),
        }
    }

    /// What holds at `now`, in an outage that began at `since`. Exactly at its end the time is over.
    pub(crate) fn at(self, since: Nanos, now: Nanos) -> Alone {
        let lasted = now.saturating_sub(since);
        match self.then {
            _ if lasted < nanos(self.fail_open) => Alone::Share,
            Then::Local => Alone::Share,
            Then::Allow => Alone::Allow,
            _ => Alone::Deny,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_serves_for_fail_open_and_then_holds_what_was_said() {
        let second = 1_000_000_000;
        let at = |then, now| {
            let fail_open = Duration::from_secs(10);
            Terms { fail_open, then }.at(5 * second, now * second)
        };
        for then in [Then::Deny, Then::Local, Then::Allow] {
            assert_eq!(at(then, 5), Alone::Share);
            assert_eq!(at(then, 14), Alone::Share);
        }
        assert_eq!(at(Then::Deny, 15), Alone::Deny);
        assert_eq!(at(Then::Local, 1_000), Alone::Share);
        assert_eq!(at(Then::Allow, 15), Alone::Allow);
    }

    #[test]
    fn without_any_time_what_comes_after_holds_at_once() {
        let terms = Terms {
            fail_open: Duration::ZERO,
            then: Then::Deny,
        };
        assert_eq!(terms.at(7, 7), Alone::Deny);
    }
}
