//! Seeing and steering: metrics, the admin router, its page, alerts.

mod otel;
mod prometheus;
mod tools;
