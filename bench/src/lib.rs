//! Steadfast side by side with its peers: every contender of a work item runs in the same process,
//! in interleaved rounds, and what counts is the ratio of the medians.

mod allocations;
mod body;
mod cli;
mod contenders;
mod item;
mod measure;
mod report;
mod work;

pub use cli::main;
