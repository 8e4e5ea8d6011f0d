//! A policy as `tower` middleware (feature `tower`).

use std::error::Error as StdError;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

use crate::builder::Policy;
use crate::call::{Call, View};
use crate::classify::Class;
use crate::rejection::Rejection;

/// The error of a guarded service, as `tower`'s own middleware has it. A rejection is found with
/// `error.downcast_ref::<steadfast::Rejection>()`.
pub type BoxError = Box<dyn StdError + Send + Sync>;

type CloneRequest<Q> = Arc<dyn Fn(&Q) -> Option<Q> + Send + Sync>;
type ClassifyResponse<R> = Arc<dyn Fn(&R) -> Option<Class> + Send + Sync>;

/// Guards every call of a service with a [`Policy`].
///
/// All services made by it, and by its clones, share the policy's state; so do layers that are
/// made anew for each request, where their policies name the same breakers, limits and bulkheads.
///
/// Errors are classified along their chain of sources, as [`Class::of`] does it. An answer that is
/// a failure in itself, such as a 503, is told with
/// [`classify_response`](Self::classify_response). A request is retried only where it can be
/// cloned: see [`clone_request`](Self::clone_request).
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Class, Policy};
/// use steadfast::tower::PolicyLayer;
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let policy = Policy::builder("search")
///     .breaker("es", |breaker| breaker.failures(3))
///     .retry(|retry| retry.max(2).base(Duration::ZERO))
///     .build()
///     .unwrap();
/// let layer = PolicyLayer::new(policy).clone_request(|request: &u16| Some(*request));
/// let service = ServiceBuilder::new()
///     .layer(layer)
///     .service(service_fn(|request: u16| async move { std::io::Result::Ok(request + 1) }));
/// assert_eq!(service.oneshot(1).await.unwrap(), 2);
/// # });
/// ```
pub struct PolicyLayer<Q, R> {
    policy: Policy,
    clone_request: Option<CloneRequest<Q>>,
    classify_response: Option<ClassifyResponse<R>>,
}

impl<Q, R> PolicyLayer<Q, R> {
    /// Guards with this policy. Each request has one attempt until
    /// [`clone_request`](Self::clone_request) says how to repeat it.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            clone_request: None,
            classify_response: None,
        }
    }

    /// How a request is repeated; `None` for one that can't be, whose first attempt is its last.
    #[must_use]
    pub fn clone_request(
        mut self,
        clone: impl Fn(&Q) -> Option<Q> + Send + Sync + 'static,
    ) -> Self {
        self.clone_request = Some(Arc::new(clone));
        self
    }

    /// Which answers are failures in themselves, and of which class. Such an answer may be retried
    /// and counts for the breaker; where it is the last, it is the answer all the same.
    #[must_use]
    pub fn classify_response(
        mut self,
        classify: impl Fn(&R) -> Option<Class> + Send + Sync + 'static,
    ) -> Self {
        self.classify_response = Some(Arc::new(classify));
        self
    }
}

impl<Q, R> Clone for PolicyLayer<Q, R> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            clone_request: self.clone_request.clone(),
            classify_response: self.classify_response.clone(),
        }
    }
}

impl<Q, R> fmt::Debug for PolicyLayer<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyLayer")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl<S, Q, R> Layer<S> for PolicyLayer<Q, R> {
    type Service = Guarded<S, Q, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service behind a [`Policy`], from [`PolicyLayer`].
pub struct Guarded<S, Q, R> {
    inner: S,
    layer: PolicyLayer<Q, R>,
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

/// The future of a guarded service.
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
        // The service that was asked for readiness serves the first attempt.
        let next = self.inner.clone();
        let ready = mem::replace(&mut self.inner, next);
        Box::pin(guarded(self.layer.clone(), ready, request))
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
    let mut call = layer.policy.begin();
    let mut ready = true;
    let mut next = Some(request);
    loop {
        let Some(request) = next.take() else {
            unreachable!("no attempt follows the last")
        };
        next = layer
            .clone_request
            .as_ref()
            .and_then(|clone| clone(&request));
        if next.is_none() {
            call.make_this_the_last();
        }
        let attempt = async {
            if !mem::take(&mut ready) {
                poll_fn(|context| service.poll_ready(context))
                    .await
                    .map_err(failed)?;
            }
            let answer = service.call(request).await.map_err(failed)?;
            match layer
                .classify_response
                .as_ref()
                .and_then(|classify| classify(&answer))
            {
                Some(class) => Err(Failed::Answer(answer, class)),
                None => Ok(answer),
            }
        };
        match end_of(&mut call, attempt).await {
            ControlFlow::Break(Ok(answer) | Err(Failed::Answer(answer, _))) => return Ok(answer),
            ControlFlow::Break(Err(Failed::Error(error))) => return Err(error),
            ControlFlow::Continue(()) => {}
        }
    }
}

fn failed<R>(error: impl Into<BoxError>) -> Failed<R> {
    Failed::Error(error.into())
}

async fn end_of<R>(
    call: &mut Call,
    attempt: impl Future<Output = Result<R, Failed<R>>>,
) -> ControlFlow<Result<R, Failed<R>>> {
    call.attempt(
        attempt,
        |failed: &mut Failed<R>, _| view(failed),
        Failed::from,
    )
    .await
}

fn view<R>(failed: &Failed<R>) -> View<'_> {
    match failed {
        Failed::Answer(_, class) => View::new(*class, &"an answer that is a failure"),
        Failed::Error(error) => View::of_chain(&**error, error),
    }
}
