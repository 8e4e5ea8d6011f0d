//! Behaviour and compile-fail tests of steadfast, in one binary: linking is what takes time.

mod guards;
mod order;
