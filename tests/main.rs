//! Behaviour and compile-fail tests of steadfast, in one binary: linking is what takes time.

mod classes;
mod errors;
mod names;
mod opening;
mod options;
mod order;
mod registry;
mod ui;
