//! The token bucket as a generic cell rate algorithm: pure.
//!
//! GCRA (ITU-T I.371, annex A) keeps one number, the theoretical arrival time of the next call. It
//! is a token bucket of `burst` tokens into which one flows every `interval`.

use crate::breaker::Nanos;

/// How fast tokens flow, and how many there can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quota {
    /// Time in which one token flows in.
    pub(crate) interval: Nanos,
    /// How far the theoretical arrival may lie ahead: the time in which a bucket fills.
    pub(crate) tolerance: Nanos,
}

impl Quota {
    pub(crate) fn new(max: u32, per: Nanos, burst: u32) -> Self {
        // Rounded up: never more than `max` in `per`, not by a nanosecond.
        let interval = per.div_ceil(max.into()).max(1);
        Self {
            interval,
            // No arrival reaches the end of time.
            tolerance: interval.saturating_mul(burst.into()).min(Nanos::MAX / 2),
        }
    }

    /// Tokens that are used, the part of one that has flowed in again left out.
    pub(crate) fn used(self, arrival: Nanos, now: Nanos) -> f64 {
        arrival.saturating_sub(now) as f64 / self.interval as f64
    }

    /// The arrival at which so many tokens are used, or all there are.
    pub(crate) fn arrival_with(self, used: f64, now: Nanos) -> Nanos {
        let ahead = (used * self.interval as f64).round() as Nanos;
        now.saturating_add(ahead.min(self.tolerance))
    }

    /// The arrival after a token was taken, or how long until there is one.
    #[inline]
    pub(crate) fn take(self, arrival: Nanos, now: Nanos) -> Result<Nanos, Nanos> {
        let next = arrival.max(now).saturating_add(self.interval);
        let ahead = next - now;
        if ahead <= self.tolerance {
            Ok(next)
        } else {
            Err(ahead - self.tolerance)
        }
    }

    /// How long until there is a token for who comes after `before` others.
    pub(crate) fn token_in(self, arrival: Nanos, now: Nanos, before: Nanos) -> Nanos {
        let flow = self.interval.saturating_mul(before.saturating_add(1));
        let ahead = (arrival.max(now) - now).saturating_add(flow);
        ahead.saturating_sub(self.tolerance)
    }

    /// The arrival after a token was given back.
    pub(crate) fn give_back(self, arrival: Nanos) -> Nanos {
        arrival.saturating_sub(self.interval)
    }

    /// Tokens there are now.
    pub(crate) fn left(self, arrival: Nanos, now: Nanos) -> u64 {
        self.tolerance.saturating_sub(arrival.saturating_sub(now)) / self.interval
    }

    /// Time until the bucket is full.
    pub(crate) fn full_in(arrival: Nanos, now: Nanos) -> Nanos {
        arrival.saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn a_full_bucket_gives_its_burst_then_one_token_an_interval() {
        let quota = Quota::new(100, 60 * SECOND, 100);
        let mut arrival = 0;
        for _ in 0..100 {
            arrival = quota.take(arrival, SECOND).unwrap();
        }
        assert_eq!(quota.take(arrival, SECOND), Err(SECOND * 6 / 10));
        assert!(quota.take(arrival, SECOND + SECOND * 6 / 10).is_ok());
        assert_eq!(quota.left(arrival, SECOND), 0);
        assert_eq!(quota.left(arrival, 61 * SECOND), 100);
    }

    #[test]
    fn who_comes_after_others_has_a_token_once_all_of_them_had_one() {
        let quota = Quota::new(10, SECOND, 3);
        let mut arrival = 0;
        for _ in 0..3 {
            arrival = quota.take(arrival, SECOND).unwrap();
        }
        assert_eq!(quota.token_in(arrival, SECOND, 0), SECOND / 10);
        assert_eq!(quota.token_in(arrival, SECOND, 5), SECOND * 6 / 10);
        // Tokens that those before have not taken yet count.
        assert_eq!(quota.token_in(arrival, SECOND * 12 / 10, 1), 0);
        assert_eq!(quota.token_in(arrival, 2 * SECOND, 2), 0);
        assert_eq!(quota.token_in(arrival, 2 * SECOND, 4), SECOND * 2 / 10);
    }

    #[test]
    fn a_token_given_back_can_be_taken_again() {
        let quota = Quota::new(1, SECOND, 1);
        let arrival = quota.take(0, SECOND).unwrap();
        assert!(quota.take(arrival, SECOND).is_err());
        assert!(quota.take(quota.give_back(arrival), SECOND).is_ok());
    }

    #[test]
    fn an_interval_is_rounded_so_that_no_more_than_max_pass() {
        assert_eq!(Quota::new(7, 60 * SECOND, 7).interval, 8_571_428_572);
    }
}
