//! Breakers: how they are, and steering them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use ::axum::extract::rejection::PathRejection;
use ::axum::extract::{Path, State};
use ::axum::http::StatusCode;
use ::axum::response::Response;
use serde::Serialize;
use steadfast_options::Keyword;

use super::Shared;
use super::answer::{done, refused, rfc3339};
use crate::breaker::{Breaker, State as Is, StateChange};

/// A breaker as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Circuit {
    name: String,
    state: &'static str,
    failures: u64,
    failure_threshold: Option<u32>,
    opened_at: Option<String>,
    next_retry_at: Option<String>,
    failure_rate: Option<f64>,
    failure_rate_threshold: Option<f64>,
    calls: u64,
    slow_rate: Option<f64>,
    scope: &'static str,
    degraded: bool,
}

impl Circuit {
    pub(super) fn of(breaker: &Breaker) -> Self {
        let status = breaker.status();
        let now = SystemTime::now();
        // When it opened is known to the millisecond; what a coarse clock says of it wavers.
        let opened = status.opened_ago.map(|ago| {
            let noted = breaker.last_opened();
            noted.unwrap_or_else(|| now.checked_sub(ago).unwrap_or(now))
        });
        Self {
            name: status.name.to_string(),
            state: word(status.state),
            failures: status.failures,
            failure_threshold: status.failure_threshold,
            opened_at: opened.map(rfc3339),
            next_retry_at: status.retry_in.map(|time| rfc3339(now + time)),
            failure_rate: status.failure_rate,
            failure_rate_threshold: status.failure_rate_threshold,
            calls: status.calls,
            slow_rate: status.slow_rate,
            scope: Keyword::word(status.scope),
            degraded: status.degraded,
        }
    }
}

/// A state as the API writes it.
pub(super) fn word(state: Is) -> &'static str {
    match state {
        Is::Closed => "CLOSED",
        Is::Open => "OPEN",
        Is::HalfOpen => "HALF_OPEN",
        Is::ForcedOpen => "FORCED_OPEN",
        Is::Disabled => "DISABLED",
    }
}

/// A change of state as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    at: String,
    from: &'static str,
    to: &'static str,
    cause: &'static str,
    error: Option<String>,
    key: Option<String>,
    open_for_ms: Option<u64>,
}

impl Change {
    pub(super) fn of(change: &StateChange) -> Self {
        let millis = |time: std::time::Duration| u64::try_from(time.as_millis()).ok();
        Self {
            at: rfc3339(change.at),
            from: word(change.from),
            to: word(change.to),
            cause: change.cause.as_str(),
            error: change.cause.error().map(Into::into),
            key: change.key.as_deref().map(Into::into),
            open_for_ms: change.open_for.and_then(millis),
        }
    }
}

pub(super) async fn status(State(desk): State<Shared>) -> Response {
    desk.registry.meet_declared();
    let breakers = desk.registry.breakers().into_iter();
    let circuits = breakers.map(|breaker| (breaker.name().to_string(), Circuit::of(&breaker)));
    done("circuitBreakers", circuits.collect::<BTreeMap<_, _>>())
}

pub(super) async fn history(
    State(desk): State<Shared>,
    name: Result<Path<String>, PathRejection>,
) -> Response {
    match name
        .ok()
        .and_then(|Path(name)| desk.registry.known_breaker(&name))
    {
        Some(breaker) => {
            let history: Vec<_> = breaker.history().iter().rev().map(Change::of).collect();
            done("history", history)
        }
        None => unknown(),
    }
}

fn unknown() -> Response {
    refused(
        StatusCode::NOT_FOUND,
        "no breaker has this name; GET /api/circuit-breakers/status lists them",
    )
}

pub(super) async fn change(
    State(desk): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Response {
    let Ok(Path((action, name))) = path else {
        return unknown();
    };
    let act = match &*action {
        "reset" => Breaker::reset,
        "force-open" => Breaker::force_open,
        "disable" => Breaker::disable,
        "release" => Breaker::release,
        _ => {
            let error = "unknown action; write reset, force-open, disable or release";
            return refused(StatusCode::NOT_FOUND, error);
        }
    };
    let Some(breaker) = desk.registry.known_breaker(&name) else {
        return unknown();
    };
    act(&breaker);
    // Where calls have a breaker by key, theirs are what guards them.
    breaker.keys().iter().for_each(act);
    done("circuitBreaker", Circuit::of(&breaker))
}
