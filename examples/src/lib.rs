//! What the examples share, and the tests with them: stand-ins for the services a program calls,
//! and the scenario files that make them sick.

pub mod dependency;
pub mod scenario;
pub mod upstream;
