//! How much of a limit is left, in an answer's headers.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};

use crate::rate_limit::LimitStatus;

/// How many tokens there can be.
pub const RATE_LIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
/// How many are left.
pub const RATE_LIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// In how many seconds all are back.
pub const RATE_LIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Writes how much of a limit is left into an answer's headers: `RateLimit-Limit`,
/// `RateLimit-Remaining` and `RateLimit-Reset`, the last in whole seconds, rounded up (the fields of
/// the IETF draft "`RateLimit` header fields for HTTP", version 6). Leaves headers alone in which
/// another limit has as little left, or less: the tightest is what a client must heed.
///
/// ```
/// use steadfast::http::write_rate_limit;
///
/// let limit = steadfast::registry().rate_limit("doc.headers"); // 100 a minute unless said otherwise
/// limit.try_acquire()?;
/// let mut headers = http::HeaderMap::new();
/// write_rate_limit(&mut headers, limit.status());
/// assert_eq!(headers["ratelimit-limit"], "100");
/// assert_eq!(headers["ratelimit-remaining"], "99");
/// assert_eq!(headers["ratelimit-reset"], "1");
/// # Ok::<(), steadfast::Rejection>(())
/// ```
pub fn write_rate_limit(headers: &mut HeaderMap, status: LimitStatus) {
    let told = headers
        .get(RATE_LIMIT_REMAINING)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if told.is_some_and(|left| left <= status.left) {
        return;
    }
    let reset = status.resets_in.as_nanos().div_ceil(1_000_000_000);
    let reset = u64::try_from(reset).unwrap_or(u64::MAX);
    for (name, value) in [
        (RATE_LIMIT_LIMIT, status.used.saturating_add(status.left)),
        (RATE_LIMIT_REMAINING, status.left),
        (RATE_LIMIT_RESET, reset),
    ] {
        headers.insert(name, HeaderValue::from(value));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn status(left: u64, resets_in: Duration) -> LimitStatus {
        LimitStatus {
            used: 10 - left,
            left,
            resets_in,
            keys: 0,
            degraded: false,
        }
    }

    #[test]
    fn the_tightest_of_several_limits_is_told() {
        let mut headers = HeaderMap::new();
        write_rate_limit(&mut headers, status(4, Duration::from_millis(1001)));
        assert_eq!(headers[RATE_LIMIT_RESET], "2");
        write_rate_limit(&mut headers, status(7, Duration::from_secs(9)));
        assert_eq!(headers[RATE_LIMIT_REMAINING], "4");
        write_rate_limit(&mut headers, status(3, Duration::from_secs(9)));
        assert_eq!(headers[RATE_LIMIT_LIMIT], "10");
        assert_eq!(headers[RATE_LIMIT_REMAINING], "3");
        assert_eq!(headers[RATE_LIMIT_RESET], "9");
    }
}
