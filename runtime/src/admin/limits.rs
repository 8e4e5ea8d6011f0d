//! Rate limits and bulkheads with their use.

use std::collections::BTreeMap;

use ::axum::extract::State;
use ::axum::response::Response;
use serde::Serialize;

use super::Shared;
use super::answer::done;
use crate::bulkhead::Bulkhead;
use crate::rate_limit::RateLimit;

/// A rate limit as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Limit {
    used: u64,
    left: u64,
    resets_in_ms: u64,
    keys: usize,
    degraded: bool,
}

impl Limit {
    pub(super) fn of(limit: &RateLimit) -> Self {
        let status = limit.status();
        Self {
            used: status.used,
            left: status.left,
            resets_in_ms: u64::try_from(status.resets_in.as_millis()).unwrap_or(u64::MAX),
            keys: status.keys,
            degraded: status.degraded,
        }
    }
}

/// A bulkhead as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Places {
    active: u32,
    waiting: u32,
    max: u32,
    degraded: bool,
}

impl Places {
    pub(super) fn of(bulkhead: &Bulkhead) -> Self {
        let status = bulkhead.status();
        Self {
            active: status.active,
            waiting: status.waiting,
            max: status.max,
            degraded: status.degraded,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct All {
    rate_limits: BTreeMap<String, Limit>,
    bulkheads: BTreeMap<String, Places>,
}

pub(super) async fn list(State(desk): State<Shared>) -> Response {
    desk.registry.meet_declared();
    let rate_limits = desk.registry.rate_limits().into_iter();
    let bulkheads = desk.registry.bulkheads().into_iter();
    done(
        "limits",
        All {
            rate_limits: rate_limits
                .map(|limit| (limit.name().to_string(), Limit::of(&limit)))
                .collect(),
            bulkheads: bulkheads
                .map(|bulkhead| (bulkhead.name().to_string(), Places::of(&bulkhead)))
                .collect(),
        },
    )
}
