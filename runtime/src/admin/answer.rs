//! Answers in JSON.

use ::axum::Json;
use ::axum::http::StatusCode;
use ::axum::http::header::CACHE_CONTROL;
use ::axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

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
