//! Drills of what a fleet shares: processes of their own, a Redis of their own, and faults between
//! them. `cargo xtask drills` runs them and prints what was expected beside what was measured.
//!
//! ```text
//! node/        a program that shares one breaker, takes orders and gives answers
//! fleet        several of them, and what to ask them
//! outbox/      the drill of the outbox
//! report       expected, measured, ok
//! times        points on the clock that all processes share; an idle thread beside each figure
//! breaker/     the drills of breakers
//! limiter/     the drills of limits, with processes of their own
//! storm/       many runs with faults drawn by a seed, and what must hold in each
//! ```
//!
//! A drill is a row in a list: [`list::all`] has them all, and further ones are added there.

#![cfg(unix)] // Redis runs nowhere else

pub mod breaker;
pub mod cli;
pub mod fleet;
pub mod limiter;
pub mod list;
pub mod node;
pub mod outbox;
pub mod report;
pub mod storm;
pub mod times;
