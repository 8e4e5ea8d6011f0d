//! What happened last: changes of state, reloads, and what went wrong.

use std::sync::Arc;

use ::axum::response::Response;
use serde::Serialize;

use super::answer::done;
use crate::serialize::{rfc3339, word};
use crate::telemetry::{EventKind, Told, recent};

/// An event as the API shows it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Happened {
    at: String,
    kind: &'static str,
    /// The breaker, limit, bulkhead or call, where it is about one.
    name: Option<String>,
    text: String,
}

impl Happened {
    pub(super) fn of(event: &Told) -> Self {
        let name = match &event.kind {
            EventKind::StateChanged { breaker, .. }
            | EventKind::TooManyKeys { breaker, .. }
            | EventKind::SharedAlone { breaker } => Some(breaker.to_string()),
            #[cfg(feature = "redis")]
            EventKind::RedisRefused { breaker, .. } => Some(breaker.to_string()),
            EventKind::LimitAlone { name } | EventKind::LimitRefused { name, .. } => {
                Some(name.to_string())
            }
            #[cfg(feature = "redis")]
            EventKind::AnswersAlone { call } => Some(call.to_string()),
            _ => None,
        };
        Self {
            at: rfc3339(event.at),
            kind: event.kind.as_str(),
            name,
            text: text(&event.kind),
        }
    }
}

fn text(kind: &EventKind) -> String {
    match kind {
        EventKind::StateChanged { change, .. } => {
            let of_key = change.key.as_ref().map(|key| format!(" of key {key}"));
            format!(
                "{} → {}{}: {}",
                word(change.from),
                word(change.to),
                of_key.unwrap_or_default(),
                change.cause
            )
        }
        EventKind::Configured(status) => match &status.error {
            Some(error) => format!("configuration refused: {error}"),
            None => format!("configuration loaded, {} warnings", status.warnings.len()),
        },
        EventKind::Conflict(conflict) => conflict.to_string(),
        EventKind::BadVariable(fault) => format!("ignored: {fault}"),
        EventKind::TooManyKeys { most, .. } => {
            format!("{most} keys are in use; calls of further keys run unguarded")
        }
        EventKind::TooManyNames { name, most } => {
            format!("more than {most} names; {name} is not kept")
        }
        EventKind::SharedAlone { .. } | EventKind::LimitAlone { .. } => {
            "to be shared, but no setup named a Redis: it is local".to_owned()
        }
        #[cfg(feature = "redis")]
        EventKind::RedisLost { server, reason } => format!("Redis at {server} is away: {reason}"),
        #[cfg(feature = "redis")]
        EventKind::RedisBack { server } => format!("Redis at {server} is there"),
        #[cfg(feature = "redis")]
        EventKind::RedisRefused { key, message, .. } => format!("Redis refuses {key}: {message}"),
        EventKind::LimiterLost { server } => format!(
            "shared limits go by memory, each instance by its part: Redis at {server} is out of reach"
        ),
        EventKind::LimiterBack { server } => {
            format!("shared limits rule again: Redis at {server} answers")
        }
        EventKind::LimitRefused { key, .. } if key.is_empty() => {
            "Redis keeps something else under its key; it holds in memory until that is gone"
                .to_owned()
        }
        EventKind::LimitRefused { key, .. } => format!(
            "Redis keeps something else under the key of {key}, which holds in memory until that is gone"
        ),
        #[cfg(feature = "redis")]
        EventKind::AnswersAlone { .. } => {
            "answers to be kept in Redis, but no setup named one: they are kept in memory"
                .to_owned()
        }
        other => other.as_str().to_owned(),
    }
}

pub(super) async fn list() -> Response {
    let recent = recent::all(0);
    let events: Vec<_> = recent
        .iter()
        .rev()
        .map(|(_, event): &(u64, Arc<Told>)| Happened::of(event))
        .collect();
    done("events", events)
}
