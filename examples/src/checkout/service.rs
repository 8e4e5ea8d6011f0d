//! The service on its port.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::{Arm, CallError, Confirmation, Order, Page, Shop};
use crate::dependency::Dependency;

/// Checkouts and pages that a service works on at a time; others wait in line for their turn, as they would
/// for a thread or a database connection.
pub const WORKERS: usize = 64;

/// A running checkout service. Dropping it closes its port.
#[derive(Debug)]
pub struct Service {
    address: SocketAddr,
    server: JoinHandle<()>,
}

#[derive(Clone)]
struct Open {
    shop: Shop,
    workers: Arc<Semaphore>,
}

impl Service {
    /// Starts the service on a loopback port; 0 takes any that is free.
    ///
    /// # Errors
    /// Where the port cannot be had.
    pub async fn start(shop: Shop, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        let open = Open {
            shop,
            workers: Arc::new(Semaphore::new(WORKERS)),
        };
        let server = tokio::spawn(async move {
            // It serves until it is aborted, and has no other end.
            let _ = axum::serve(listener, router(open)).await;
        });
        Ok(Self { address, server })
    }

    /// Where it listens: `http://127.0.0.1:PORT`, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The token that changes need: that of the environment, else one that everybody may know, since the
/// demo listens on loopback alone and has nothing to lose.
#[must_use]
pub fn admin_token() -> String {
    let given = std::env::var("STEADFAST_ADMIN_TOKEN").ok();
    given
        .filter(|token| !token.is_empty())
        .unwrap_or_else(|| "demo".to_owned())
}

fn router(open: Open) -> Router {
    let routes = Router::new()
        .route("/checkout", post(check_out))
        .route("/products/{id}", get(page));
    let arm = open.shop.arm();
    let routes = match arm {
        Arm::Guarded => routes.route("/breakers", get(breakers)),
        Arm::Bare => routes,
    };
    let routes = routes.with_state(open);
    match arm {
        // What operators see and steer by: a page, health, metrics.
        Arm::Guarded => {
            routes.nest_service("/admin", steadfast::admin().token(admin_token()).router())
        }
        Arm::Bare => routes,
    }
}

async fn check_out(
    State(open): State<Open>,
    Json(order): Json<Order>,
) -> Result<Json<Confirmation>, CallError> {
    // Never closed, so there is always a turn; a customer who leaves gives it back.
    let _turn = open.workers.acquire().await;
    open.shop.check_out(&order).await.map(Json)
}

async fn page(State(open): State<Open>, Path(product): Path<u64>) -> Result<Json<Page>, CallError> {
    let _turn = open.workers.acquire().await;
    open.shop.page(product).await.map(Json)
}

/// The states of the breakers, for whoever looks at the demo with `curl`.
async fn breakers() -> Json<Value> {
    let states = Dependency::ALL.map(|dependency| {
        let state = steadfast::registry().breaker(dependency.name()).state();
        (dependency.name().to_owned(), json!(state.as_str()))
    });
    Json(Value::Object(states.into_iter().collect()))
}
