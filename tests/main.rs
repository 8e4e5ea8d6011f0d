//! Behaviour and compile-fail tests of steadfast, in one binary: linking is what takes time.

mod allocations;
mod breaker;
mod cache;
mod classes;
mod composition;
mod config;
mod demo_calls;
mod demo_saved;
mod errors;
mod events;
mod guards;
mod names;
mod opening;
mod operate;
mod options;
mod order;
mod outbox;
mod registry;
mod serialize;
mod shared;
mod shared_limits;
mod spans;
mod stream;
mod testing_kit;
mod totals;
mod ui;
