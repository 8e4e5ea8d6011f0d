//! Tokens that are taken in batches and spent without asking: pure.
//!
//! **Never too many.** A token may be spent until its lease ends, `L` after it was granted, so that what is
//! spent in a window `W` was granted in a span of `W + L`. A bucket whose capacity is the burst grants
//! `burst + rate × (W + L)` in it, `rate × L` too many. One with a capacity of `burst − rate × L` grants
//! `burst + rate × W`, which is what the limit allows. Hence the smaller tolerance ([`tolerance`]), and a
//! lease must leave room for one token.
//!
//! The lease begins before the request is sent: the grant is made later, if at all.
//!
//! **What is given back** must not count for more than had it never been taken. A full bucket that is
//! drained by a lease takes in flow that it would have let overflow. So tokens that come back count for no
//! more than the least that was out since they were granted: had they never been taken, the bucket would
//! have been full where less than that was out, and would have let the rest overflow. After `L` they count
//! for nothing. Then every grant is one that the same bucket would have made had it seen only the tokens that
//! were spent.

use super::Nanos;

/// The tolerance of a bucket whose tokens are leased; none where that leaves no token.
pub(crate) fn tolerance(interval: Nanos, tolerance: Nanos, lease: Nanos) -> Option<Nanos> {
    let less = tolerance.checked_sub(lease)?;
    (less >= interval).then_some(less)
}

/// How far a coarse clock may be behind.
const GRAIN: Nanos = 10_000_000;

/// Whether a coarse clock will do to see that a lease is over.
pub(crate) fn allows_coarse_time(lease: Nanos) -> bool {
    lease >= 10 * GRAIN
}

/// Until when tokens that were asked for at `sent` may be spent.
pub(crate) fn spent_until(sent: Nanos, lease: Nanos) -> Nanos {
    let grain = if allows_coarse_time(lease) { GRAIN } else { 0 };
    sent.saturating_add(lease - grain)
}

/// How long after they came tokens go back that nobody has spent: in time to be there before the lease
/// ends.
pub(crate) fn back_after(lease: Nanos) -> Nanos {
    lease / 4 * 3
}

/// How long not to ask again, where there was less than what was wanted: else each token would be fetched
/// by itself as it flows in. Not so long that the bucket would overflow.
pub(crate) fn pause(lease: Nanos, tolerance: Nanos) -> Nanos {
    (lease / 3).min(tolerance / 2)
}

/// How large a batch is: what is spent in 0.4 leases, so that one lasts until the next is there and none is
/// given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchSize(u32);

/// As many as a pot holds.
const MOST: u64 = 100_000;

impl BatchSize {
    pub(crate) const FIRST: Self = Self(1);

    pub(crate) fn get(self) -> u32 {
        self.0
    }

    /// After so many tokens were spent in `time`: at most twice as many, at least half.
    pub(crate) fn after(self, spent: u32, time: Nanos, lease: Nanos, bounds: Bounds) -> Self {
        let wanted = u128::from(spent) * u128::from(lease) * 2 / 5 / u128::from(time.max(1));
        let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
        let size = u64::from(self.0);
        let near = wanted.clamp(size / 2, size * 2);
        Self(near.clamp(1, bounds.most()) as u32)
    }
}

/// What a batch may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) interval: Nanos,
    /// Of the bucket, as leased.
    pub(crate) tolerance: Nanos,
    pub(crate) lease: Nanos,
}

impl Bounds {
    /// Half of what the bucket holds, and of what flows in during a lease: others want some too.
    fn most(self) -> u64 {
        let most = self.tolerance.min(self.lease) / self.interval / 2;
        most.clamp(1, MOST)
    }
}

#[cfg(test)]
mod tests;
