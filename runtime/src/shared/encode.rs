//! Values as scripts take and give them.

use std::fmt::Write as _;
use std::time::Duration;

use redis::Value;
use sha2::{Digest, Sha256};

/// Arguments of a script.
#[derive(Clone, Debug, Default)]
pub(crate) struct Args(Vec<Vec<u8>>);

impl Args {
    #[allow(clippy::needless_pass_by_value)] // numbers mostly, which read better so
    pub(crate) fn add(mut self, value: impl ToString) -> Self {
        self.0.push(value.to_string().into_bytes());
        self
    }

    pub(crate) fn bytes(mut self, value: Vec<u8>) -> Self {
        self.0.push(value);
        self
    }

    pub(crate) fn done(self) -> Vec<Vec<u8>> {
        self.0
    }
}

/// Nanoseconds as whole microseconds, rounded up: what lasts must not be over before its time.
pub(crate) fn micros(nanos: u64) -> u64 {
    nanos.div_ceil(1_000)
}

pub(crate) fn nanos_of_micros(micros: u64) -> u64 {
    Duration::from_micros(micros)
        .as_nanos()
        .try_into()
        .unwrap_or(u64::MAX)
}

/// A whole number that is not negative.
pub(crate) fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Int(number) => u64::try_from(*number).ok(),
        Value::BulkString(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

pub(crate) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(text) => std::str::from_utf8(text).ok(),
        Value::SimpleString(text) => Some(text),
        _ => None,
    }
}

/// A key that is longer goes by its hash.
const LONGEST_KEY: usize = 64;

/// A key as it stands in a name: bounded.
pub(crate) fn short(key: &str) -> Box<str> {
    if key.len() <= LONGEST_KEY {
        return key.into();
    }
    // `=` stands in no key that is written out.
    format!("={}", digest(key, 16)).into()
}

/// The first bytes of a text's SHA-256, in hex.
pub(crate) fn digest(text: &str, bytes: usize) -> String {
    let hash = Sha256::digest(text);
    hash.iter()
        .take(bytes)
        .fold(String::new(), |mut digits, byte| {
            let _ = write!(digits, "{byte:02x}"); // writing to a string cannot fail
            digits
        })
}
