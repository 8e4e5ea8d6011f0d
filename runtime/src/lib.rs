//! Steadfast makes calls to unreliable dependencies safe by annotation.
//!
//! ```
//! use steadfast::resilient;
//! # #[derive(Debug)] struct Order; struct Charge; struct Client;
//! # #[derive(Debug, thiserror::Error)]
//! # enum PaymentError {
//! #     #[error(transparent)] Rejected(#[from] steadfast::Rejection),
//! # }
//!
//! #[resilient(breaker = "stripe", retry(max = 3), timeout = "5s")]
//! async fn charge(client: &Client, order: &Order) -> Result<Charge, PaymentError> {
//!     // … the call …
//! #   Ok(Charge)
//! }
//! ```
//!
//! The attribute declares the policy; the function is called as before. Its error takes a
//! [`Rejection`], which says that a policy refused or cut the call. Every option stands in
//! `OPTIONS.md`. What an error means to the policies is its [`Class`].
//!
//! Breakers are found by name in a [`Registry`]; [`sites`] lists every annotated function with its
//! policy in force.
//!
//! With the feature `serde`, status, totals and sites serialize as the admin router shows them: the
//! same names and words, times as RFC 3339 has them, durations in milliseconds.
//!
//! ```
//! # #[cfg(feature = "serde")] {
//! let breaker = steadfast::registry().breaker("serde.doc");
//! breaker.force_open();
//! let json = serde_json::to_value(breaker.status()).unwrap();
//! assert_eq!((&json["state"], &json["failures"]), (&"FORCED_OPEN".into(), &0.into()));
//! # }
//! ```

// Nothing is changed where nothing can be reloaded.
#![cfg_attr(not(feature = "config"), allow(dead_code))]

extern crate self as steadfast;

#[doc(hidden)]
#[path = "private/mod.rs"]
pub mod __private;
#[cfg(feature = "admin")]
mod admin;
mod answers;
#[cfg(feature = "axum")]
pub mod axum;
mod backed;
mod breaker;
mod builder;
mod bulkhead;
mod call;
mod catalog;
mod cells;
pub mod classify;
mod clock;
mod config;
mod conflict;
mod current;
mod deadline;
mod definition;
mod error;
#[cfg(feature = "http")]
pub mod http;
mod keys;
mod lasting;
mod limits;
#[cfg(any(feature = "prometheus", feature = "otel"))]
mod metrics;
mod mode;
mod names;
pub mod options;
#[cfg(feature = "otel")]
pub mod otel;
#[cfg(feature = "redis")]
pub mod outbox;
mod policy;
#[cfg(feature = "prometheus")]
pub mod prometheus;
#[cfg_attr(not(feature = "redis"), allow(dead_code))] // nothing keeps a fleet's counts then
mod quota;
mod rate_limit;
mod registry;
mod rejection;
mod retry;
mod scoped;
#[cfg(feature = "serde")]
mod serialize;
#[cfg(feature = "config")]
mod setup;
#[cfg(feature = "redis")]
mod shared;
mod site;
mod sites;
mod slot;
mod sorted;
mod sync;
mod tally;
mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
mod totals;
#[cfg(feature = "tower")]
pub mod tower;
mod turns;
mod versions;
mod wait;

#[cfg(feature = "admin")]
pub use admin::{Admin, admin};
pub use answers::CacheCounts;
pub use breaker::{
    Breaker, BreakerStatus, Cause, KeyStatus, KeysStatus, Permit, State, StateChange,
};
pub use builder::{Policy, PolicyBuilder, PolicyError};
pub use bulkhead::{Bulkhead, BulkheadStatus, Place};
pub use classify::{Class, Classify};
pub use config::{FilePlace, Origin, SetValue, explain};
#[cfg(feature = "config")]
pub use config::{SetupError, UnknownNames, example_config};
pub use conflict::Conflict;
pub use current::{Current, IdempotencyKey, Inside, current};
pub use error::{CallErr, Error};
pub use limits::{Entered, Limits, LimitsStatus};
#[cfg(feature = "redis")]
pub use outbox::Outbox;
pub use policy::CallCounts;
pub use rate_limit::{LimitStatus, RateLimit};
#[cfg(feature = "redis")]
pub use registry::RedisStatus;
pub use registry::{Registry, Scope, registry};
pub use rejection::Rejection;
pub use retry::{Backoff, Delays, Retrying};
#[cfg(feature = "config")]
pub use setup::{ConfigStatus, Setup, Steadfast, setup};
pub use sites::{PolicyInfo, SiteInfo, sites};
pub use steadfast_options::{Factor, Jitter, Name, Ratio, Setting, Value, WorstCase};
pub use telemetry::{EventKind, Events, Served, Told as Event, events};
pub use totals::{Attempts, BreakerTotals, BulkheadTotals, CallTotals, LimitTotals, Totals};

/// Guards a function: see the crate's page and `OPTIONS.md`.
#[cfg(feature = "macros")]
pub use steadfast_macros::resilient;
