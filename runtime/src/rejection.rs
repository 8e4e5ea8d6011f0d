//! Refusals and cuts by our own policies.

use std::time::Duration;

use steadfast_options::{Name, duration_text};

/// A call was refused or cut by one of its policies.
///
/// It becomes the annotated function's own error through `From<Rejection>`: derive it with
/// `thiserror`'s `#[from]`, or return `anyhow`, `eyre`, `Box<dyn Error + Send + Sync>`,
/// [`std::io::Error`] or [`steadfast::Error`](crate::Error), which need no code of yours.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Name, Rejection};
///
/// let rejection = Rejection::CircuitOpen {
///     breaker: Name::new("stripe").unwrap(),
///     retry_in: Some(Duration::from_secs(12)),
/// };
/// assert_eq!(rejection.to_string(), "circuit stripe is open; retry in 12s");
/// assert_eq!(rejection.http_status(), 503);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Rejection {
    /// The breaker is open.
    #[error("circuit {breaker} is open{}", hint(*.retry_in))]
    CircuitOpen {
        /// The breaker's name.
        breaker: Name,
        /// When a call may be tried; none when it was opened by hand, or all places for probes
        /// are taken.
        #[cfg_attr(
            feature = "serde",
            serde(
                rename = "retryInMs",
                serialize_with = "crate::serialize::maybe_millis"
            )
        )]
        retry_in: Option<Duration>,
    },
    /// An attempt took longer than its `timeout`.
    #[error("timed out after {}", duration_text(*.limit))]
    Timeout {
        /// The timeout that cut it.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "limitMs", serialize_with = "crate::serialize::millis")
        )]
        limit: Duration,
    },
    /// The call took longer than its `deadline`.
    #[error("deadline of {} exceeded", duration_text(*.limit))]
    DeadlineExceeded {
        /// The deadline that cut it.
        #[cfg_attr(
            feature = "serde",
            serde(rename = "limitMs", serialize_with = "crate::serialize::millis")
        )]
        limit: Duration,
    },
    /// One of our own rate limits has no room.
    #[error("rate limit {limiter} is used up{}", hint(*.retry_in))]
    RateLimited {
        /// The limit's name.
        limiter: Name,
        /// When a call may be tried.
        #[cfg_attr(
            feature = "serde",
            serde(
                rename = "retryInMs",
                serialize_with = "crate::serialize::maybe_millis"
            )
        )]
        retry_in: Option<Duration>,
    },
    /// A shared rate limit can't be reached, and its fallback is over.
    #[error("rate limit {limiter} is unavailable")]
    LimiterUnavailable {
        /// The limit's name.
        limiter: Name,
    },
    /// A bulkhead has no place.
    #[error("bulkhead {bulkhead} is full ({max} at a time)")]
    BulkheadFull {
        /// The bulkhead's name.
        bulkhead: Name,
        /// Its places.
        max: u32,
    },
    /// The work was put in a queue and will be done later.
    #[error("queued as {id}")]
    Queued {
        /// The entry's id.
        id: String,
    },
    /// A fault that a test injected (see `steadfast::testing`).
    #[cfg(feature = "testing")]
    #[error("injected fault of class {class}")]
    Injected {
        /// The class that the policies saw.
        class: crate::Class,
    },
}

fn hint(retry_in: Option<Duration>) -> String {
    retry_in.map_or_else(String::new, |time| {
        format!("; retry in {}", duration_text(rounded(time)))
    })
}

/// To the millisecond, upwards, so that who waits that long is not too early.
fn rounded(time: Duration) -> Duration {
    Duration::from_millis(u64::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}

impl Rejection {
    /// When a call may be tried again, where that is known.
    #[must_use]
    pub fn retry_in(&self) -> Option<Duration> {
        match self {
            Self::CircuitOpen { retry_in, .. } | Self::RateLimited { retry_in, .. } => *retry_in,
            _ => None,
        }
    }

    /// The HTTP status that tells a caller of yours what happened: 503 for an open circuit, an
    /// unavailable limit and a full bulkhead, 504 for timeouts and deadlines, 429 for a rate
    /// limit, 202 for queued work.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        match self {
            Self::Timeout { .. } | Self::DeadlineExceeded { .. } => 504,
            Self::RateLimited { .. } => 429,
            Self::Queued { .. } => 202,
            _ => 503,
        }
    }
}

impl From<Rejection> for std::io::Error {
    /// Kinds: `TimedOut` for timeouts and deadlines, `WouldBlock` for limits and bulkheads,
    /// `ConnectionRefused` for an open circuit.
    fn from(rejection: Rejection) -> Self {
        use std::io::ErrorKind;
        let kind = match rejection {
            Rejection::Timeout { .. } | Rejection::DeadlineExceeded { .. } => ErrorKind::TimedOut,
            Rejection::CircuitOpen { .. } => ErrorKind::ConnectionRefused,
            Rejection::RateLimited { .. } | Rejection::BulkheadFull { .. } => ErrorKind::WouldBlock,
            _ => ErrorKind::Other,
        };
        Self::new(kind, rejection)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_contract() {
        let name = Name::from_static("x");
        let limit = Duration::from_secs(1);
        let cases = [
            (
                Rejection::CircuitOpen {
                    breaker: name,
                    retry_in: None,
                },
                503,
            ),
            (Rejection::Timeout { limit }, 504),
            (Rejection::DeadlineExceeded { limit }, 504),
            (
                Rejection::RateLimited {
                    limiter: name,
                    retry_in: None,
                },
                429,
            ),
            (Rejection::LimiterUnavailable { limiter: name }, 503),
            (
                Rejection::BulkheadFull {
                    bulkhead: name,
                    max: 1,
                },
                503,
            ),
            (Rejection::Queued { id: "1-0".into() }, 202),
        ];
        for (rejection, status) in cases {
            assert_eq!(rejection.http_status(), status, "{rejection}");
        }
    }

    #[test]
    fn an_io_error_keeps_the_rejection_inside() {
        let error = std::io::Error::from(Rejection::Timeout {
            limit: Duration::from_secs(5),
        });
        assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
        assert_eq!(error.to_string(), "timed out after 5s");
        assert!(error.get_ref().unwrap().is::<Rejection>());
    }
}
