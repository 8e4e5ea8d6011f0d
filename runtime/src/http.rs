//! HTTP: answers to rejected calls, the time left of a call in a header, and what inbound limits need
//! to know (feature `http`).

mod client;
mod quota;

use std::time::Duration;

use ::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use ::http::{HeaderMap, Response, StatusCode};

pub use client::{client_ip, network_of};
pub use quota::{RATE_LIMIT_LIMIT, RATE_LIMIT_REMAINING, RATE_LIMIT_RESET, write_rate_limit};

use crate::current::current;
use crate::rejection::Rejection;

/// The header that carries the time a call has left, in milliseconds.
pub const TIME_LEFT: HeaderName = HeaderName::from_static("x-time-left-ms");

impl Rejection {
    /// [`http_status`](Self::http_status), typed.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.http_status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// The value of a `Retry-After` header, in whole seconds, rounded up; none where it is not known
    /// when to come back.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::{Name, Rejection};
    ///
    /// let rejection = Rejection::RateLimited {
    ///     limiter: Name::new("api").unwrap(),
    ///     retry_in: Some(Duration::from_millis(1200)),
    /// };
    /// assert_eq!(rejection.status(), 429);
    /// assert_eq!(rejection.retry_after().unwrap(), "2");
    /// ```
    #[must_use]
    pub fn retry_after(&self) -> Option<HeaderValue> {
        let seconds = self.retry_in()?.as_nanos().div_ceil(1_000_000_000);
        Some(HeaderValue::from(
            u64::try_from(seconds).unwrap_or(u64::MAX),
        ))
    }

    /// The answer to a caller of yours: status, `Retry-After` where it is known, and the rejection
    /// as plain text, with the name of the breaker, limit or bulkhead in it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Rejection;
    ///
    /// let answer = Rejection::Timeout { limit: Duration::from_secs(2) }.to_response();
    /// assert_eq!(answer.status(), 504);
    /// assert_eq!(answer.body(), "timed out after 2s");
    /// ```
    #[must_use]
    pub fn to_response(&self) -> Response<String> {
        let mut response = Response::new(self.to_string());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/plain; charset=utf-8"),
        );
        if let Some(time) = self.retry_after() {
            headers.insert(RETRY_AFTER, time);
        }
        response
    }
}

/// Writes the time that the call around has left into a request's headers ([`TIME_LEFT`], whole
/// milliseconds, rounded down), so that the service it goes to can stop when nobody waits any more.
/// Leaves the headers as they are where there is no limit.
///
/// The time on the way is not in it: the service may go on for that much longer.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{current, http::{read_time_left, write_time_left}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let mut headers = http::HeaderMap::new();
/// current().within(Duration::from_secs(2)).scope(async { write_time_left(&mut headers) }).await;
/// let left = read_time_left(&headers).unwrap();
/// assert!(left <= Duration::from_secs(2) && left > Duration::from_secs(1));
/// # });
/// ```
pub fn write_time_left(headers: &mut HeaderMap) {
    if let Some(left) = current().time_left() {
        let millis = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        headers.insert(TIME_LEFT, HeaderValue::from(millis));
    }
}

/// The time left that a caller wrote into a request's headers; none where it wrote nothing, or no
/// number of milliseconds. It can only make a call shorter, so that it needs no trust.
#[must_use]
pub fn read_time_left(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIME_LEFT)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_millis)
}
