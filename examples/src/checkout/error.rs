//! What can go wrong with a call: one enum, as a program of one's own would have it.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use steadfast::{Class, Classify, Rejection};

use crate::dependency::Dependency;

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Its policies refused or cut it.
    #[error("{0}")]
    Rejected(#[from] Rejection),
    /// The dependency answered with an error.
    #[error("{dependency} answered {status}")]
    Status {
        /// Which one.
        dependency: Dependency,
        /// What it answered.
        status: StatusCode,
        /// Its `Retry-After`, as it came.
        retry_after: Option<String>,
    },
    /// There was no answer to speak of.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

impl Classify for CallError {
    fn classify(&self) -> Class {
        match self {
            Self::Rejected(rejection) => Class::of(rejection),
            Self::Status {
                status,
                retry_after,
                ..
            } => Class::from_http(status.as_u16(), retry_after.as_deref()),
            Self::Http(error) => Class::of(error),
        }
    }
}

/// A refusal says so, and when to come back; a broken dependency is a bad gateway.
impl IntoResponse for CallError {
    fn into_response(self) -> Response {
        let Self::Rejected(rejection) = &self else {
            return (StatusCode::BAD_GATEWAY, self.to_string()).into_response();
        };
        let status = StatusCode::from_u16(rejection.http_status());
        let mut headers = HeaderMap::new();
        if let Some(wait) = rejection.retry_in() {
            // The header has no unit finer than seconds: a moment too late beats a moment too early.
            headers.insert(
                RETRY_AFTER,
                HeaderValue::from(wait.as_millis().div_ceil(1000) as u64),
            );
        }
        let status = status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        (status, headers, self.to_string()).into_response()
    }
}
