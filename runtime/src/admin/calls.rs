//! Calls: their policies, where each value comes from, and how they ended.

use std::collections::BTreeMap;

use ::axum::extract::State;
use ::axum::response::Response;
use serde::Serialize;
use steadfast_options::{WorstCase, worst_case};

use super::Shared;
use super::answer::done;
use crate::config::SetValue;
use crate::policy::CallCounts;
use crate::registry::Registry;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    name: String,
    /// `file:line` of the function, or of the call to the builder.
    at: String,
    worst_case: WorstCase,
    options: Vec<SetValue>,
    results: CallCounts,
}

fn all(registry: &Registry) -> BTreeMap<String, Call> {
    let mut results: BTreeMap<_, _> = registry
        .totals()
        .calls
        .into_iter()
        .map(|call| (call.name, call.ended))
        .collect();
    let calls = registry.calls_in_use().into_iter().map(|call| {
        let declared = call.declared();
        let in_force = registry.in_force(&declared);
        let shown = Call {
            name: call.name.to_string(),
            at: call.place.to_string(),
            worst_case: worst_case(&in_force.patch),
            options: registry.values_of_call(&declared),
            results: results.remove(&call.name).unwrap_or_default(),
        };
        (shown.name.clone(), shown)
    });
    calls.collect()
}

pub(super) async fn list(State(desk): State<Shared>) -> Response {
    done("calls", all(&desk.registry))
}
