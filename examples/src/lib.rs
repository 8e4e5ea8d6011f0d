//! What the examples share, and the tests with them: stand-ins for the services a program calls,
//! the scenario files that make them sick, and the demo that plays one.

pub mod checkout;
pub mod cli;
pub mod demo;
pub mod dependency;
pub mod load;
pub mod report;
pub mod scenario;
#[cfg(unix)]
pub mod shared;
pub mod upstream;
pub mod view;
