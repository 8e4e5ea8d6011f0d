//! What the options of a [`Policy`](crate::Policy) made by hand are, and the values they take.
//!
//! A patch has a method for each option of its policy, named and meant as in `OPTIONS.md`; those
//! that only the attribute can hold, and those that are not available yet, are refused by
//! [`build`](crate::PolicyBuilder::build).
//!
//! ```
//! use std::time::Duration;
//! use steadfast::Policy;
//! use steadfast::options::{Algorithm, Classes, Guards, Jitter, Ratio};
//!
//! let policy = Policy::builder("charge")
//!     .breaker("acme", |breaker| breaker.failure_rate(Ratio::literal(0.5)).guards(Guards::Call))
//!     .rate_limit("acme", |limit| limit.algorithm(Algorithm::SlidingWindow))
//!     .retry(|retry| retry.on(Classes::TRANSIENT.with(Classes::RATE_LIMITED)).jitter(Jitter::Equal))
//!     .build()
//!     .unwrap();
//! # assert_eq!(policy.info().settings().len(), 7);
//! ```

pub use steadfast_options::{
    Algorithm, BreakerPatch, BulkheadPatch, Classes, Counting, Factor, Guards, Jitter, Mode,
    RateLimitPatch, Ratio, RetryPatch, Scope, Then, Window,
};
