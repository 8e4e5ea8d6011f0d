//! The protocol of shared breakers, apart from who speaks it: its scripts, run by a real Redis or by
//! a simulated one, and a model of it that is searched exhaustively.
//!
//! The runtime's own tests use the simulated store too, beneath the real code of its instances.

pub mod breaker;
pub mod model;
mod sim;

pub use sim::{Published, SimScript, SimStore};
pub use steadfast_rig::Reply;
