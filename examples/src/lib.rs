//! What the examples share, and the tests with them: stand-ins for the services a program calls.

pub mod upstream;
