//! Cases from the suites of other libraries, in our own words and options.

mod microprofile;
mod others;
mod resilience4j;
