//! Answers in JSON, and times as they stand in them.

use std::time::SystemTime;

use ::axum::Json;
use ::axum::http::StatusCode;
use ::axum::http::header::CACHE_CONTROL;
use ::axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

/// A time as RFC 3339 has it: UTC, with milliseconds.
pub(super) fn rfc3339(time: SystemTime) -> String {
    // A clock before 1970 or after 9999 is wrong, and shown as the nearest that can be written.
    let latest = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(253_402_300_799);
    let time = time.clamp(SystemTime::UNIX_EPOCH, latest);
    humantime::format_rfc3339_millis(time).to_string()
}

/// Done, with this.
pub(super) fn done(what: &str, value: impl Serialize) -> Response {
    let answer = json!({ "success": true, what: value });
    ([(CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

/// Not done, and why.
pub(super) fn refused(status: StatusCode, error: &str) -> Response {
    let answer = json!({ "success": false, "error": error });
    (status, [(CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_have_milliseconds_and_no_clock_is_too_wrong() {
        let text = |millis| rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(millis));
        assert_eq!(text(1_732_560_000_007), "2024-11-25T18:40:00.007Z");
        assert_eq!(text(u64::MAX / 2), "9999-12-31T23:59:59.000Z");
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(rfc3339(before), "1970-01-01T00:00:00.000Z");
    }
}
