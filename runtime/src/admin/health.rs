//! Health, for load balancers and liveness probes.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use ::axum::Json;
use ::axum::extract::State;
use ::axum::http::StatusCode;
use ::axum::http::header::CACHE_CONTROL;
use ::axum::response::{IntoResponse, Response};
use serde_json::json;
use steadfast_options::Health;

use super::Shared;
use crate::breaker::{Breaker, State as Is};
use crate::serialize::rfc3339;

/// How long a check of the user's may take.
const LIMIT: Duration = Duration::from_secs(5);

type Checking = Pin<Box<dyn Future<Output = bool> + Send>>;

/// A check of the user's.
pub(super) struct Check {
    name: String,
    run: Box<dyn Fn() -> Checking + Send + Sync>,
}

impl Check {
    pub(super) fn new<F, Fut, E>(name: String, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        let run = move || -> Checking {
            let checking = check();
            Box::pin(async move { checking.await.is_ok() })
        };
        Self {
            name,
            run: Box::new(run),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

fn is_available(breaker: &Breaker) -> bool {
    !matches!(breaker.state(), Is::Open | Is::ForcedOpen)
}

/// A task of its own for each check, so that one that panics or hangs is alone in that.
async fn run(checks: &[Check]) -> Vec<(String, bool)> {
    let started: Vec<_> = checks
        .iter()
        .map(|check| (check.name.clone(), tokio::spawn((check.run)())))
        .collect();
    let end = tokio::time::Instant::now() + LIMIT;
    let mut results = Vec::with_capacity(started.len());
    for (name, mut task) in started {
        let well = match tokio::time::timeout_at(end, &mut task).await {
            Ok(result) => result.unwrap_or(false),
            Err(_) => {
                task.abort();
                false
            }
        };
        results.push((name, well));
    }
    results
}

pub(super) async fn ready(State(desk): State<Shared>) -> Response {
    desk.registry.meet_declared();
    let mut services = BTreeMap::new();
    let mut healthy = true;
    for breaker in desk.registry.breakers() {
        let available = is_available(&breaker);
        healthy &= available || breaker.health() == Health::Ignore;
        let word = if available { "healthy" } else { "unavailable" };
        services.insert(breaker.name().to_string(), word);
    }
    #[cfg(feature = "redis")]
    if let Some(redis) = desk.registry.redis_status() {
        healthy &= redis.connected;
        let word = if redis.connected {
            "healthy"
        } else {
            "unavailable"
        };
        services.insert("redis".to_owned(), word);
    }
    for (name, well) in run(&desk.checks).await {
        healthy &= well;
        services.insert(name, if well { "healthy" } else { "unhealthy" });
    }
    let status = if healthy {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let answer = json!({
        "status": if healthy { "healthy" } else { "degraded" },
        "timestamp": rfc3339(SystemTime::now()),
        "services": services,
    });
    (status, [(CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

/// The process serves: that a dependency is down must not make anybody kill it.
pub(super) async fn live() -> Response {
    let answer = json!({ "status": "alive", "timestamp": rfc3339(SystemTime::now()) });
    ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}
