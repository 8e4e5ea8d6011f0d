//! Each contender in its own idiom: objects are built once, as its documentation says.
#![allow(clippy::needless_pass_by_value)] // results are taken as they come

pub(crate) mod bare;
pub(crate) mod caches;
pub(crate) mod circuitbreaker_rs;
pub(crate) mod execution_policy;
pub(crate) mod failsafe;
#[cfg(feature = "redis")]
pub(crate) mod fleet;
#[cfg(feature = "redis")]
pub(crate) mod fleet_limits;
pub(crate) mod guards;
pub(crate) mod hand_made;
pub(crate) mod nobreak;
mod problem;
pub(crate) mod recloser;
pub(crate) mod retries;
pub(crate) mod steadfast;
pub(crate) mod timeouts;
pub(crate) mod tower;
pub(crate) mod tower_resilience;

use std::time::Duration;

/// Longer than any run: what has opened stays open.
pub(crate) const RECOVERY: Duration = Duration::from_secs(3600);
/// The limit of each attempt.
pub(crate) const LIMIT: Duration = Duration::from_millis(300);
/// The first pause between attempts.
pub(crate) const PAUSE: Duration = Duration::from_millis(1);
