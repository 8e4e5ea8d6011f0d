//! axum: rejections as answers, and the time a caller leaves us (feature `axum`).

use std::convert::Infallible;
use std::time::Duration;

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;

use crate::current::{Current, Inside, current};
use crate::error::Error;
use crate::http::read_time_left;
use crate::rejection::Rejection;

impl IntoResponse for Rejection {
    /// Status, `Retry-After` and text, as [`to_response`](Rejection::to_response) writes them.
    fn into_response(self) -> Response {
        self.to_response().into_response()
    }
}

impl<E: IntoResponse> IntoResponse for Error<E> {
    /// The rejection's answer, or that of the function's own error.
    fn into_response(self) -> Response {
        match self {
            Self::Rejected(rejection) => rejection.into_response(),
            Self::Failed { source, .. } => source.into_response(),
        }
    }
}

/// The time that the caller leaves us, out of the header that
/// [`write_time_left`](crate::http::write_time_left) writes. Never refuses a request: without the
/// header there is no limit.
///
/// ```
/// use steadfast::axum::TimeLeft;
///
/// async fn handler(time: TimeLeft) -> String {
///     // Annotated calls inside end when the caller stops waiting.
///     time.scope(async { "done".to_owned() }).await
/// }
/// # let _ = axum::Router::<()>::new().route("/", axum::routing::get(handler));
/// ```
#[derive(Clone, Debug)]
pub struct TimeLeft(Current);

impl TimeLeft {
    /// The time left; none where the caller set no limit. It runs from when the request's head was
    /// read, so that a body that comes slowly is paid from it.
    #[must_use]
    pub fn get(&self) -> Option<Duration> {
        self.0.time_left()
    }

    /// Runs `future` so that the calls inside keep to the caller's deadline.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops `future`, and nothing else.
    pub fn scope<F: Future>(self, future: F) -> Inside<F> {
        self.0.scope(future)
    }
}

impl<S: Sync> FromRequestParts<S> for TimeLeft {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let around = current();
        Ok(Self(match read_time_left(&parts.headers) {
            Some(time) => around.within(time),
            None => around,
        }))
    }
}
