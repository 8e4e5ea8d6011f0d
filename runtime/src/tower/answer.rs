//! Rejections as answers, for services that cannot fail.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use tower_layer::Layer;
use tower_service::Service;

use super::{BoxError, Guarded, PolicyLayer};
use crate::rejection::Rejection;

/// A [`PolicyLayer`] that answers where it rejects, from [`PolicyLayer::answering`].
pub struct AnsweringLayer<Q, R>(PolicyLayer<Q, R>);

impl<Q, R> AnsweringLayer<Q, R> {
    pub(super) fn new(layer: PolicyLayer<Q, R>) -> Self {
        Self(layer)
    }
}

impl<Q, R> Clone for AnsweringLayer<Q, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<Q, R> fmt::Debug for AnsweringLayer<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AnsweringLayer").field(&self.0).finish()
    }
}

impl<S, Q, R> Layer<S> for AnsweringLayer<Q, R> {
    type Service = Answering<S, Q, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Answering(self.0.layer(inner))
    }
}

/// A service guarded by a policy that answers where it rejects, from [`AnsweringLayer`].
pub struct Answering<S, Q, R>(Guarded<S, Q, R>);

impl<S: Clone, Q, R> Clone for Answering<S, Q, R> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S: fmt::Debug, Q, R> fmt::Debug for Answering<S, Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Answering").field(&self.0).finish()
    }
}

/// The future of an answering service; dropping it is as dropping a
/// [`GuardedFuture`](super::GuardedFuture).
pub type AnsweringFuture = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

impl<S, Q> Service<Q> for Answering<S, Q, S::Response>
where
    S: Service<Q, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    S::Response: IntoResponse + Send + 'static,
    Q: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = AnsweringFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0.inner.poll_ready(context)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        let attempts = self.0.attempts(request);
        Box::pin(async move {
            Ok(match attempts.await {
                Ok(response) => response.into_response(),
                Err(error) => answer_to(error),
            })
        })
    }
}

/// The service itself cannot fail, so that all errors are rejections.
fn answer_to(error: BoxError) -> Response {
    match error.downcast::<Rejection>() {
        Ok(rejection) => rejection.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
