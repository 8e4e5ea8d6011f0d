//! HTTP statuses and `Retry-After` (RFC 9110, sections 10.2.3 and 15).

use std::error::Error;
use std::time::{Duration, SystemTime};

use super::{Class, Classify};

impl Class {
    /// The class of an HTTP status that is an error: 408, 425 and 5xx but 501 and 505 are
    /// `Transient`; 429 is `RateLimited`; 401, 403, 407, 501 and 505 are `Permanent`; any other
    /// 4xx is `Expected`. Anything below 400 is no error and `Expected` too.
    ///
    /// ```
    /// use steadfast::Class;
    ///
    /// assert_eq!(Class::from_http_status(503u16), Class::Transient);
    /// assert_eq!(Class::from_http_status(http::StatusCode::NOT_FOUND), Class::Expected);
    /// ```
    #[must_use]
    pub fn from_http_status(status: impl Into<u16>) -> Self {
        match status.into() {
            429 => Self::RateLimited { retry_after: None },
            401 | 403 | 407 | 501 | 505 => Self::Permanent,
            408 | 425 | 500.. => Self::Transient,
            _ => Self::Expected,
        }
    }

    /// As [`from_http_status`](Self::from_http_status), with the answer's `Retry-After` header in
    /// either form, seconds or a date (read for a 429).
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast::Class;
    ///
    /// let class = Class::from_http(429u16, Some("7"));
    /// assert_eq!(class, Class::RateLimited { retry_after: Some(Duration::from_secs(7)) });
    /// ```
    #[must_use]
    pub fn from_http(status: impl Into<u16>, retry_after: Option<impl AsRef<[u8]>>) -> Self {
        match Self::from_http_status(status) {
            Self::RateLimited { .. } => Self::RateLimited {
                retry_after: retry_after.and_then(|header| time_left(header.as_ref())),
            },
            class => class,
        }
    }
}

fn time_left(header: &[u8]) -> Option<Duration> {
    let text = std::str::from_utf8(header).ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More seconds than a number holds are still more than any cap.
        return Some(Duration::from_secs(
            text.parse().unwrap_or(u64::from(u32::MAX)),
        ));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(
        date.duration_since(SystemTime::now())
            .unwrap_or(Duration::ZERO),
    )
}

impl Classify for http::StatusCode {
    fn classify(&self) -> Class {
        Class::from_http_status(*self)
    }
}

/// A request that can't even be built will not be built better the next time.
pub(super) fn class(error: &(dyn Error + 'static)) -> Option<Class> {
    error.is::<http::Error>().then_some(Class::Permanent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_have_the_classes_of_the_contract() {
        for status in [408u16, 425, 500, 502, 503, 504, 599] {
            assert_eq!(
                Class::from_http_status(status),
                Class::Transient,
                "{status}"
            );
        }
        for status in [401u16, 403, 407, 501, 505] {
            assert_eq!(
                Class::from_http_status(status),
                Class::Permanent,
                "{status}"
            );
        }
        for status in [400u16, 402, 404, 409, 410, 422] {
            assert_eq!(Class::from_http_status(status), Class::Expected, "{status}");
        }
        assert_eq!(
            Class::from_http_status(429u16),
            Class::RateLimited { retry_after: None }
        );
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let soon = SystemTime::now() + Duration::from_secs(60);
        let Class::RateLimited {
            retry_after: Some(left),
        } = Class::from_http(429u16, Some(httpdate::fmt_http_date(soon)))
        else {
            panic!("a date is read");
        };
        assert!(
            left > Duration::from_secs(50) && left <= Duration::from_secs(60),
            "{left:?}"
        );
        let past = Class::from_http(429u16, Some("Sun, 06 Nov 1994 08:49:37 GMT"));
        assert_eq!(
            past,
            Class::RateLimited {
                retry_after: Some(Duration::ZERO)
            }
        );
        let nonsense = Class::from_http(429u16, Some("soon"));
        assert_eq!(nonsense, Class::RateLimited { retry_after: None });
        let huge = Class::from_http(429u16, Some("99999999999999999999999"));
        assert!(matches!(
            huge,
            Class::RateLimited {
                retry_after: Some(_)
            }
        ));
    }
}
