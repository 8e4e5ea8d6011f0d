//! Breakers: how they are, and steering them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use ::axum::extract::rejection::PathRejection;
use ::axum::extract::{Path, State};
use ::axum::http::StatusCode;
use ::axum::response::Response;
use serde::Serialize;
use steadfast_options::{Name, Scope};

use super::Shared;
use super::answer::{done, refused};
use crate::breaker::{Breaker, State as Is};
use crate::serialize::rfc3339;

/// A breaker as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Circuit {
    name: Name,
    state: Is,
    failures: u64,
    failure_threshold: Option<u32>,
    opened_at: Option<String>,
    next_retry_at: Option<String>,
    failure_rate: Option<f64>,
    failure_rate_threshold: Option<f64>,
    calls: u64,
    slow_rate: Option<f64>,
    scope: Scope,
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
            name: status.name,
            state: status.state,
            failures: status.failures,
            failure_threshold: status.failure_threshold,
            opened_at: opened.map(rfc3339),
            next_retry_at: status.retry_in.map(|time| rfc3339(now + time)),
            failure_rate: status.failure_rate,
            failure_rate_threshold: status.failure_rate_threshold,
            calls: status.calls,
            slow_rate: status.slow_rate,
            scope: status.scope,
            degraded: status.degraded,
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
            let mut history = breaker.history();
            history.reverse();
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
