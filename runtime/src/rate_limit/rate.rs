//! How a limit counts, as its definition says.

use steadfast_options::{Algorithm, RateLimitPatch, defaults};

use super::gcra::Quota;
use super::sliding::Span;
use crate::breaker::{Nanos, nanos};

/// How a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
    TokenBucket(Quota),
    SlidingWindow(Span),
}

impl Rate {
    pub(super) fn new(patch: &RateLimitPatch) -> Self {
        let max = patch.max.unwrap_or(defaults::rate_limit::max);
        let per = nanos(patch.per.unwrap_or(defaults::rate_limit::per));
        match patch.algorithm.unwrap_or(defaults::rate_limit::algorithm) {
            Algorithm::SlidingWindow => Self::SlidingWindow(Span {
                max: max as usize,
                per,
            }),
            _ => Self::TokenBucket(Quota::new(max, per, patch.burst.unwrap_or(max))),
        }
    }

    /// The most tokens there can be.
    pub(crate) fn most(self) -> u64 {
        match self {
            Self::SlidingWindow(span) => span.max as u64,
            Self::TokenBucket(quota) => quota.tolerance / quota.interval,
        }
    }

    /// A coarse clock lets tokens in by the grain: that loses none where a bucket takes much
    /// longer than a grain to fill, and the exact log needs exact times.
    pub(super) fn allows_coarse_time(self) -> bool {
        const COARSE_ENOUGH: Nanos = 250_000_000;
        matches!(self, Self::TokenBucket(quota) if quota.tolerance >= COARSE_ENOUGH)
    }
}
