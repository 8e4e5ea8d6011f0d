//! `reqwest::Error`.

use std::error::Error;

use super::chain::links;
use super::{Class, Classify};

pub(super) fn class(error: &(dyn Error + 'static)) -> Option<Class> {
    error
        .downcast_ref::<reqwest::Error>()
        .map(Classify::classify)
}

impl Classify for reqwest::Error {
    /// A status counts as its number says; timeouts are `Timeout`; a request that can't be
    /// built, a redirect loop and an answer that can't be decoded are `Permanent`; a connection
    /// that fails in any way is `Transient`.
    fn classify(&self) -> Class {
        if let Some(status) = self.status() {
            return Class::from_http_status(status);
        }
        if self.is_timeout() {
            Class::Timeout
        } else if self.is_builder() || self.is_redirect() || self.is_decode() && !broke(self) {
            Class::Permanent
        } else {
            Class::Transient
        }
    }
}

/// Whether the connection broke underneath: a body cut short shows as a decoding error.
fn broke(error: &reqwest::Error) -> bool {
    links(error).skip(1).any(|source| {
        source.is::<std::io::Error>()
            || source
                .downcast_ref::<reqwest::Error>()
                .is_some_and(reqwest::Error::is_body)
    })
}
