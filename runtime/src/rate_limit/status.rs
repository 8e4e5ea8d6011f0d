//! How much of a limit is used.

use std::time::Duration;

/// How much of a rate limit is used, from [`RateLimit::status`](crate::RateLimit::status).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct LimitStatus {
    /// Tokens used. Of a shared limit, by the whole fleet, as far as this instance was told.
    pub used: u64,
    /// Tokens left now.
    pub left: u64,
    /// Time until all are back.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "resetsInMs", serialize_with = "crate::serialize::millis")
    )]
    pub resets_in: Duration,
    /// Keys kept in memory.
    pub keys: usize,
    /// Whether it is to be shared, but is not, since Redis is out of reach, or no setup named one. Out of
    /// reach, each instance goes by its part.
    pub degraded: bool,
}
