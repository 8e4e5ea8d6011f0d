//! Text that is never shown: passwords, and addresses that may hold one.

use std::fmt;

/// Text that `Debug` does not show.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn get(&self) -> &str {
        &self.0
    }

    pub(crate) fn all(secrets: &[Self]) -> Vec<&str> {
        secrets.iter().map(Self::get).collect()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// An address without what stands before its `@`; stars for text that is no address.
///
/// The last `@` counts, since a password may hold others. What follows a `?` may name secrets too.
pub(crate) fn hidden(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return "***".into();
    };
    let rest = match rest.rsplit_once('@') {
        Some((_, host)) => format!("***@{host}"),
        None => rest.to_owned(),
    };
    match rest.split_once('?') {
        Some((place, _)) => format!("{scheme}://{place}?***"),
        None => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        for (text, shown) in [
            ("redis://:pw@host:1/2", "redis://***@host:1/2"),
            ("rediss://u:p@w@host", "rediss://***@host"),
            ("redis://host", "redis://host"),
            (
                "unix:///run/redis.sock?pass=pw",
                "unix:///run/redis.sock?***",
            ),
            ("hunter2", "***"),
        ] {
            assert_eq!(hidden(text), shown);
            assert_eq!(format!("{:?}", Secret::new(text)), "***");
        }
    }
}
