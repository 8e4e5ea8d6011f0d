//! Seeing and steering: metrics, the admin router, its page, alerts.

mod admin;
mod alerts;
mod live;
mod otel;
mod page;
mod prometheus;
pub(crate) mod served;
mod tools;
