//! What may go wrong on the link.

use std::error::Error;
use std::sync::Arc;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why there is no answer. Its text has no password in it, since Redis tells none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    /// There is no connection: nothing was sent.
    #[error("no connection")]
    Down,
    /// No answer in time: it may have been carried out.
    #[error("no answer in time")]
    Timeout,
    /// The connection broke: it may have been carried out.
    #[error("{0}")]
    Broken(String),
    /// Redis will not serve this client, or cannot write: it was not carried out.
    #[error("{code} {message}")]
    Unfit { code: String, message: String },
    /// Redis refused this one command.
    #[error("{code} {message}")]
    Refused { code: String, message: String },
    /// The certificate of the server, or ours, was not accepted.
    #[error("{0}")]
    Tls(String),
}

/// Answers that concern the connection or the server as a whole, not the one command.
const UNFIT: [&str; 10] = [
    "READONLY",
    "NOAUTH",
    "WRONGPASS",
    "NOPERM",
    "OOM",
    "LOADING",
    "CLUSTERDOWN",
    "MASTERDOWN",
    "MISCONF",
    "NOREPLICAS",
];

/// The slot is on its way to another node, and was so for longer than a command is redirected.
const MOVING: [&str; 3] = ["TRYAGAIN", "ASK", "MOVED"];

impl LinkError {
    pub(crate) fn of(error: &RedisError) -> Self {
        if let Some(text) = tls(error) {
            return Self::Tls(text);
        }
        let message = || error.detail().unwrap_or_default().trim().to_owned();
        if let Some(code) = code(error) {
            if MOVING.contains(&code) {
                return Self::Timeout; // it is asked again
            }
            let (code, message) = (code.to_owned(), message());
            return if UNFIT.contains(&code.as_str()) || message.contains("-OOM") {
                Self::Unfit { code, message }
            } else {
                Self::Refused { code, message }
            };
        }
        match error.kind() {
            ErrorKind::AuthenticationFailed => Self::Unfit {
                code: "WRONGPASS".into(),
                message: message(),
            },
            _ if error.is_timeout() => Self::Timeout,
            _ => Self::Broken(error.to_string()),
        }
    }

    /// Whether another connection may do better.
    pub(super) fn breaks_connection(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Unfit { .. } | Self::Tls(_))
    }

    /// Whether to try again later is in vain until somebody changes what is configured.
    pub(crate) fn is_misconfiguration(&self) -> bool {
        match self {
            Self::Tls(_) => true,
            Self::Unfit { code, .. } => matches!(code.as_str(), "NOAUTH" | "WRONGPASS" | "NOPERM"),
            _ => false,
        }
    }
}

fn code(error: &RedisError) -> Option<&str> {
    match error.kind() {
        ErrorKind::Server(ServerErrorKind::NoScript) => Some("NOSCRIPT"),
        ErrorKind::Server(ServerErrorKind::ReadOnly) => Some("READONLY"),
        ErrorKind::Server(_) | ErrorKind::Extension => error.code(),
        _ => None,
    }
}

/// What TLS says, where it is to blame: it stands below an I/O error, which `redis` keeps in an `Arc`.
fn tls(error: &RedisError) -> Option<String> {
    let mut next = error.source();
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return Some(tls.to_string());
        }
        next = if let Some(kept) = error.downcast_ref::<Kept>() {
            Some(&**kept)
        } else if let Some(io) = error.downcast_ref::<std::io::Error>() {
            io.get_ref().map(|inner| inner as &dyn Error)
        } else {
            error.source()
        };
    }
    None
}

type Kept = Arc<dyn Error + Send + Sync>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_that_moves_is_asked_again_and_a_cluster_that_is_down_is_away() {
        let of = |kind| LinkError::of(&RedisError::from((ErrorKind::Server(kind), "told")));
        assert_eq!(of(ServerErrorKind::TryAgain), LinkError::Timeout);
        assert!(of(ServerErrorKind::ClusterDown).breaks_connection());
    }
}
