//! Caches among many callers, under configuration, and among instances.

mod configured;
mod crowd;
mod shared;
