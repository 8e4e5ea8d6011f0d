//! Caches among many callers, and under configuration.

mod configured;
mod crowd;
