//! Calls: their policies, where each value comes from, and how they ended.

use std::collections::BTreeMap;

use ::axum::extract::State;
use ::axum::response::Response;
use serde::Serialize;
use steadfast_options::worst_case;

use super::Shared;
use super::answer::done;
use crate::config::{Origin, SetValue};
use crate::policy::CallCounts;
use crate::registry::Registry;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    name: String,
    /// `file:line` of the function, or of the call to the builder.
    at: String,
    worst_case: String,
    options: Vec<Set>,
    results: Results,
}

/// An option in force.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Set {
    option: &'static str,
    value: String,
    layer: &'static str,
    /// The place in that layer; none where it is built in.
    from: Option<String>,
    /// What lower layers say, the highest of them first.
    was: Vec<Was>,
}

#[derive(Serialize)]
struct Was {
    value: String,
    layer: &'static str,
    from: Option<String>,
}

/// Calls by how they ended.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    ok: u64,
    transient: u64,
    timeout: u64,
    rate_limited: u64,
    permanent: u64,
    expected: u64,
    ignored: u64,
    rejected: u64,
    would_reject: u64,
}

impl From<CallCounts> for Results {
    fn from(counts: CallCounts) -> Self {
        Self {
            ok: counts.ok,
            transient: counts.transient,
            timeout: counts.timeout,
            rate_limited: counts.rate_limited,
            permanent: counts.permanent,
            expected: counts.expected,
            ignored: counts.ignored,
            rejected: counts.rejected,
            would_reject: counts.would_reject,
        }
    }
}

fn layer(origin: &Origin) -> &'static str {
    match origin {
        Origin::BuiltIn => "built_in",
        Origin::Defaults(_) => "defaults",
        Origin::Code { .. } => "code",
        Origin::File(_) => "file",
        Origin::Variable(_) => "variable",
    }
}

fn place(origin: &Origin) -> Option<String> {
    match origin {
        Origin::BuiltIn => None,
        Origin::Defaults(place) => Some(place.to_string()),
        origin => Some(origin.to_string()),
    }
}

impl From<SetValue> for Set {
    fn from(set: SetValue) -> Self {
        let was = set.was.iter().map(|(value, origin)| Was {
            value: value.to_string(),
            layer: layer(origin),
            from: place(origin),
        });
        Self {
            option: set.path,
            value: set.value.to_string(),
            layer: layer(&set.origin),
            from: place(&set.origin),
            was: was.collect(),
        }
    }
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
        let values = registry.values_of_call(&declared).into_iter();
        let shown = Call {
            name: call.name.to_string(),
            at: call.place.to_string(),
            worst_case: worst_case(&in_force.patch).to_string(),
            options: values.map(Set::from).collect(),
            results: results.remove(&call.name).unwrap_or_default().into(),
        };
        (shown.name.clone(), shown)
    });
    calls.collect()
}

pub(super) async fn list(State(desk): State<Shared>) -> Response {
    done("calls", all(&desk.registry))
}
