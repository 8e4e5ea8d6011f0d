//! Configuration files, in each format: whatever the bytes, they are sound or every fault has its
//! place, and nothing panics or hangs.
#![no_main]

use libfuzzer_sys::fuzz_target;
use steadfast::testing::check_config;
use steadfast::{Rejection, resilient};

#[resilient(
    name = "ask",
    breaker = "es",
    rate_limit = "es",
    bulkhead = "es",
    retry,
    timeout = "5s"
)]
#[allow(dead_code)] // it is there for its names
async fn ask() -> Result<(), Rejection> {
    Ok(())
}

fuzz_target!(|bytes: &[u8]| {
    let Some((format, text)) = bytes.split_first() else {
        return;
    };
    let name = ["a.toml", "a.yaml", "a.json"][usize::from(format % 3)];
    if let Err(error) = check_config(name, text) {
        assert!(error.faults().all(|fault| fault.starts_with(name) && fault.len() > name.len() + 3));
    }
});
