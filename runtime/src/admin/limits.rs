//! Rate limits and bulkheads with their use.

use std::collections::BTreeMap;

use ::axum::extract::State;
use ::axum::response::Response;
use serde::Serialize;

use super::Shared;
use super::answer::done;
use crate::bulkhead::BulkheadStatus;
use crate::rate_limit::LimitStatus;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct All {
    rate_limits: BTreeMap<String, LimitStatus>,
    bulkheads: BTreeMap<String, BulkheadStatus>,
}

pub(super) async fn list(State(desk): State<Shared>) -> Response {
    desk.registry.meet_declared();
    let rate_limits = desk.registry.rate_limits().into_iter();
    let bulkheads = desk.registry.bulkheads().into_iter();
    done(
        "limits",
        All {
            rate_limits: rate_limits
                .map(|limit| (limit.name().to_string(), limit.status()))
                .collect(),
            bulkheads: bulkheads
                .map(|bulkhead| (bulkhead.name().to_string(), bulkhead.status()))
                .collect(),
        },
    )
}
