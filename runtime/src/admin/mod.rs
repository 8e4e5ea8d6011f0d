//! An axum router to see and steer by (feature `admin`): state, health, metrics, a live page.
//!
//! | | |
//! |---|---|
//! | `GET /` | the live page |
//! | `GET /api/circuit-breakers/status` | every breaker |
//! | `GET /api/circuit-breakers/history/{name}` | its last changes of state, with the error behind each |
//! | `POST /api/circuit-breakers/reset/{name}`, `force-open`, `disable`, `release` | steers it |
//! | `GET /api/calls` | every call: its policy, where each value comes from, how its calls ended |
//! | `GET /api/limits` | rate limits and bulkheads, with their use |
//! | `GET /api/events` | what happened last |
//! | `GET /api/live` | all of it as server-sent events |
//! | `POST /api/config/reload` | reads the configuration files again |
//! | `GET /api/openapi.json` | these, as an `OpenAPI` document |
//! | `GET /health`, `GET /health/live` | for load balancers, and for liveness probes |
//! | `GET /metrics` | for Prometheus |
//!
//! What changes something is a `POST` and needs the bearer token; the rest is open to whoever reaches the
//! router, so mount it where only operators and probes do.

mod answer;
mod calls;
mod circuits;
mod config;
mod happened;
mod health;
mod limits;
mod live;
mod page;
mod token;

use std::fmt::{self, Display};
use std::sync::Arc;

use ::axum::Router;
use ::axum::http::header::CONTENT_TYPE;
use ::axum::middleware::from_fn_with_state;
use ::axum::routing::{get, post};

use crate::prometheus;
use crate::registry::Registry;
use health::Check;
use live::Hub;
use token::Token;

/// Begins a router for the registry in force.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use axum::Router;
///
/// let admin = steadfast::admin()
///     .token("a long random secret") // else `STEADFAST_ADMIN_TOKEN`; without either nothing can be changed
///     .check("database", || async { Ok::<(), std::io::Error>(()) })
///     .router();
/// // The page is at `/admin` and at `/admin/`; with `nest` only at `/admin`.
/// let app: Router = Router::new().nest_service("/admin", admin);
/// # drop(app);
/// # });
/// ```
pub fn admin() -> Admin {
    Admin {
        registry: Registry::current(),
        token: None,
        checks: Vec::new(),
    }
}

/// A router that is being made, from [`admin`].
#[must_use = "nothing is served until `router`"]
pub struct Admin {
    registry: Registry,
    token: Option<String>,
    checks: Vec<Check>,
}

/// What every handler needs.
struct Desk {
    registry: Registry,
    token: Token,
    checks: Vec<Check>,
    live: Hub,
}

type Shared = Arc<Desk>;

impl Admin {
    /// The bearer token that changes need, in place of `STEADFAST_ADMIN_TOKEN`. It is compared in
    /// constant time. An empty one is none, and then nothing can be changed.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Adds a check of your own to `/health`: while it gives an error, panics, or takes longer than
    /// 5 s, its service is `unhealthy` and the status 503. Of two checks of one name the later holds.
    ///
    /// It runs whenever somebody asks for `/health`.
    pub fn check<F, Fut, E>(mut self, name: impl Into<String>, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Display,
    {
        self.checks.push(Check::new(name.into(), check));
        self
    }

    /// The router, to be nested or merged wherever operators may reach it.
    pub fn router(self) -> Router {
        let desk = Arc::new(Desk {
            live: Hub::new(self.registry.clone()),
            registry: self.registry,
            token: Token::new(self.token),
            checks: self.checks,
        });
        let with_token = from_fn_with_state(desk.clone(), token::required);
        let change = post(circuits::change).route_layer(with_token.clone());
        Router::new()
            .route("/", get(page::show))
            .route("/api/circuit-breakers/status", get(circuits::status))
            .route(
                "/api/circuit-breakers/history/{name}",
                get(circuits::history),
            )
            .route("/api/circuit-breakers/{action}/{name}", change)
            .route(
                "/api/config/reload",
                post(config::reload).route_layer(with_token),
            )
            .route("/api/calls", get(calls::list))
            .route("/api/limits", get(limits::list))
            .route("/api/events", get(happened::list))
            .route("/api/live", get(live::stream))
            .route("/api/openapi.json", get(openapi))
            .route("/health", get(health::ready))
            .route("/health/live", get(health::live))
            .route("/metrics", get(metrics))
            .with_state(desk)
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checks: Vec<_> = self.checks.iter().map(Check::name).collect();
        f.debug_struct("Admin")
            .field("checks", &checks)
            .finish_non_exhaustive()
    }
}

async fn metrics(
    desk: ::axum::extract::State<Shared>,
) -> ([(::axum::http::HeaderName, &'static str); 1], String) {
    let text = prometheus::text_of(&desk.registry);
    ([(CONTENT_TYPE, prometheus::CONTENT_TYPE)], text)
}

async fn openapi() -> ([(::axum::http::HeaderName, &'static str); 1], &'static str) {
    (
        [(CONTENT_TYPE, "application/json")],
        include_str!("openapi.json"),
    )
}
