//! A guarded service: its attempts.

use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use tower_service::Service;

use super::{BoxError, PolicyLayer};
use crate::__private::probe::Takes;
use crate::call::{Attempt, Call, View, by};
use crate::classify::Class;
use crate::rejection::Rejection;

/// A service guarded by a policy, from [`PolicyLayer`].
pub struct Guarded<S, Q, R> {
    pub(super) inner: S,
    layer: PolicyLayer<Q, R>,
}

impl<S, Q, R> Guarded<S, Q, R> {
    pub(super) fn new(inner: S, layer: PolicyLayer<Q, R>) -> Self {
        Self { inner, layer }
    }
}

impl<S: Clone, Q, R> Clone for Guarded<S, Q, R> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<S: fmt::Debug, Q, R> fmt::Debug for Guarded<S, Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}

/// The future of a guarded service. Dropping it drops the attempt; the call counts as nothing, and
/// places are given back.
pub type GuardedFuture<R> = Pin<Box<dyn Future<Output = Result<R, BoxError>> + Send>>;

impl<S, Q> Service<Q> for Guarded<S, Q, S::Response>
where
    S: Service<Q> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    S::Response: Send + 'static,
    Q: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = GuardedFuture<S::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        Box::pin(self.attempts(request))
    }
}

impl<S, Q> Guarded<S, Q, S::Response>
where
    S: Service<Q> + Clone,
    S::Error: Into<BoxError>,
{
    pub(super) fn attempts(
        &mut self,
        request: Q,
    ) -> impl Future<Output = Result<S::Response, BoxError>> + use<S, Q> {
        // The service that was asked for readiness serves the first attempt.
        let next = self.inner.clone();
        let ready = mem::replace(&mut self.inner, next);
        guarded(self.layer.clone(), ready, request)
    }
}

/// How an attempt ended that did not end well.
enum Failed<R> {
    /// With an answer that is a failure in itself.
    Answer(R, Class),
    Error(BoxError),
}

impl<R> From<Rejection> for Failed<R> {
    fn from(rejection: Rejection) -> Self {
        Self::Error(Box::new(rejection))
    }
}

async fn guarded<S, Q>(
    layer: PolicyLayer<Q, S::Response>,
    mut service: S,
    request: Q,
) -> Result<S::Response, BoxError>
where
    S: Service<Q> + Clone,
    S::Error: Into<BoxError>,
{
    let mut call = layer.begin(&request);
    let mut ready = true;
    let mut next = Some(request);
    loop {
        let Some(request) = next.take() else {
            unreachable!("no attempt follows the last")
        };
        match &layer.clone_request {
            Some(clone) if call.may_go_on() => next = clone(&request),
            _ => {}
        }
        if next.is_none() {
            call.make_the_next_the_last();
        }
        let attempt = attempt(&layer, &mut service, &mut ready, request);
        match end_of(&mut call, attempt).await {
            ControlFlow::Break(Ok(answer) | Err(Failed::Answer(answer, _))) => return Ok(answer),
            ControlFlow::Break(Err(Failed::Error(error))) => return Err(error),
            ControlFlow::Continue(()) => {}
        }
    }
}

/// What the guards and limits of an attempt are around.
async fn attempt<S, Q>(
    layer: &PolicyLayer<Q, S::Response>,
    service: &mut S,
    ready: &mut bool,
    request: Q,
) -> Result<S::Response, Failed<S::Response>>
where
    S: Service<Q>,
    S::Error: Into<BoxError>,
{
    if !mem::take(ready) {
        poll_fn(|context| service.poll_ready(context))
            .await
            .map_err(failed)?;
    }
    let answer = service.call(request).await.map_err(failed)?;
    let classify = layer.classify_response.as_ref();
    match classify.and_then(|classify| classify(&answer)) {
        Some(class) => Err(Failed::Answer(answer, class)),
        None => Ok(answer),
    }
}

fn failed<R>(error: impl Into<BoxError>) -> Failed<R> {
    Failed::Error(error.into())
}

async fn end_of<R>(
    call: &mut Call<'_>,
    body: impl Future<Output = Result<R, Failed<R>>>,
) -> ControlFlow<Result<R, Failed<R>>> {
    let attempt = Attempt {
        call,
        body,
        look: by(|failed: &mut Failed<R>, _| view(failed)),
        refuse: Takes,
    };
    attempt.await
}

fn view<R>(failed: &Failed<R>) -> View<'_> {
    match failed {
        Failed::Answer(_, class) => View::new(*class, &"an answer that is a failure"),
        Failed::Error(error) => View::in_chain(Class::of(&**error), &**error, error),
    }
}
