//! A policy as `tower` middleware (feature `tower`), around clients and servers alike.
//!
//! # axum
//!
//! axum wants layers that cannot fail: with feature `axum` as well, [`PolicyLayer::answering`] makes
//! one, which answers a rejected request with the rejection's status and `Retry-After`.
//!
//! For a limit alone, of each user or address, [`LimitLayer`] (with feature `http`) answers 429 and says
//! on every answer how much is left.
//!
//! # tonic
//!
//! Around a client's channel the layer works as it is; a rejection comes back as the `source()` of
//! the `tonic::Status`. On a server, turn a rejection into a `Status` outside of the layer, since
//! tonic takes every other error for a broken connection:
//!
//! ```
//! # mod tonic { pub struct Status; impl Status {
//! #     pub fn unavailable(_: String) -> Self { Self }
//! #     pub fn from_error(_: steadfast::tower::BoxError) -> Self { Self }
//! # } }
//! use steadfast::Rejection;
//! use steadfast::tower::BoxError;
//! use tonic::Status;
//!
//! fn status_of(error: BoxError) -> Status {
//!     match error.downcast::<Rejection>() {
//!         Ok(rejection) => Status::unavailable(rejection.to_string()),
//!         Err(error) => Status::from_error(error),
//!     }
//! }
//! // Server::builder().layer(
//! //     ServiceBuilder::new().map_err(status_of).layer(PolicyLayer::new(policy)).into_inner())
//! # let _: fn(BoxError) -> Status = status_of;
//! ```
//!
//! gRPC failures are answers with HTTP status 200: tell
//! [`classify_response`](PolicyLayer::classify_response) what their `grpc-status` header means.

#[cfg(feature = "axum")]
mod answer;
#[cfg(feature = "http")]
mod limit;
mod service;

use std::error::Error as StdError;
use std::fmt::{self, Debug};
use std::hash::Hash;
use std::sync::Arc;

use tower_layer::Layer;

#[cfg(feature = "axum")]
pub use answer::{Answering, AnsweringFuture, AnsweringLayer};
#[cfg(feature = "http")]
pub use limit::{LimitLayer, Limited, LimitedFuture};
pub use service::{Guarded, GuardedFuture};

use crate::builder::Policy;
use crate::call::Call;
use crate::classify::Class;

/// The error of a guarded service, as `tower`'s own middleware has it. A rejection is found with
/// `error.downcast_ref::<steadfast::Rejection>()`; any other error is the service's own.
pub type BoxError = Box<dyn StdError + Send + Sync>;

type CloneRequest<Q> = Arc<dyn Fn(&Q) -> Option<Q> + Send + Sync>;
type ClassifyResponse<R> = Arc<dyn Fn(&R) -> Option<Class> + Send + Sync>;
type TellKey<Q> = Arc<dyn Fn(&Q, &mut Call<'_>) + Send + Sync>;

/// Guards every call of a service with a [`Policy`].
///
/// All services made by it, and by its clones, share the policy's state; so do layers that are
/// made anew for each request, where their policies name the same breakers, limits and bulkheads
/// (a retry's budget belongs to the policy: keep one policy, and clone it).
///
/// Errors are classified along their chain of sources, as [`Class::of`] does it; an error type of
/// yours is known there once it is [registered](crate::classify::register). An answer that is a
/// failure in itself, such as a 503, is told with
/// [`classify_response`](Self::classify_response). A request is retried only where it can be
/// cloned: see [`clone_request`](Self::clone_request).
///
/// The service is asked for readiness as `tower` wants it: by the caller before the first attempt,
/// by the layer before each other one, within that attempt's timeout.
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
    limit_key: Option<TellKey<Q>>,
    breaker_key: Option<TellKey<Q>>,
}

impl<Q, R> PolicyLayer<Q, R> {
    /// Guards with this policy. Whatever its retry says, each request has one attempt until
    /// [`clone_request`](Self::clone_request) says how to repeat it.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            clone_request: None,
            classify_response: None,
            limit_key: None,
            breaker_key: None,
        }
    }

    /// How a request is repeated; `None` for one that can't be, whose first attempt is its last.
    /// Asked before each attempt that another may follow.
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
    ///
    /// An answer is classified when the service gives it. What goes wrong later, in a body that is
    /// still to be read, is beyond the layer.
    #[must_use]
    pub fn classify_response(
        mut self,
        classify: impl Fn(&R) -> Option<Class> + Send + Sync + 'static,
    ) -> Self {
        self.classify_response = Some(Arc::new(classify));
        self
    }

    /// One rate limit for each key, such as the client's address or its API key; at most
    /// `rate_limit.max_keys` of them.
    ///
    /// # Panics
    ///
    /// Where the policy has no rate limit.
    #[must_use]
    pub fn limit_key<K: Hash>(mut self, key: impl Fn(&Q) -> K + Send + Sync + 'static) -> Self {
        assert!(
            self.policy.resolved().patch.rate_limit.is_some(),
            "`limit_key` without a rate limit in the policy {:?}; add `rate_limit(…)` to its builder",
            self.policy.name(),
        );
        self.limit_key = Some(Arc::new(move |request, call| call.limit_key(&key(request))));
        self
    }

    /// One breaker for each key, such as the host or the tenant; at most `breaker.max_keys` of them.
    ///
    /// # Panics
    ///
    /// Where the policy has no breaker.
    #[must_use]
    pub fn breaker_key<K: Hash + Debug>(
        mut self,
        key: impl Fn(&Q) -> K + Send + Sync + 'static,
    ) -> Self {
        assert!(
            self.policy.resolved().patch.breaker.is_some(),
            "`breaker_key` without a breaker in the policy {:?}; add `breaker(…)` to its builder",
            self.policy.name(),
        );
        self.breaker_key = Some(Arc::new(move |request, call| {
            call.breaker_key(&key(request), |key| format!("{key:?}"));
        }));
        self
    }

    /// For servers whose services cannot fail, such as axum's: a rejected request is answered with
    /// the rejection's status and `Retry-After`, as
    /// [`Rejection::to_response`](crate::Rejection::to_response) writes them.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use steadfast::{Class, Policy};
    /// use steadfast::tower::PolicyLayer;
    ///
    /// let policy = Policy::builder("inbound")
    ///     .bulkhead("inbound", |bulkhead| bulkhead.max(64).queue(128))
    ///     .build()
    ///     .unwrap();
    /// let app: Router = Router::new()
    ///     .route("/", get(|| async { "hello" }))
    ///     .layer(PolicyLayer::new(policy).answering());
    /// ```
    #[cfg(feature = "axum")]
    #[must_use]
    pub fn answering(self) -> AnsweringLayer<Q, R> {
        AnsweringLayer::new(self)
    }

    fn begin(&self, request: &Q) -> Call<'_> {
        let mut call = self.policy.begin();
        for tell in [&self.limit_key, &self.breaker_key].into_iter().flatten() {
            tell(request, &mut call);
        }
        call
    }
}

impl<Q, R> Clone for PolicyLayer<Q, R> {
    fn clone(&self) -> Self {
        Self {
            policy: self.policy.clone(),
            clone_request: self.clone_request.clone(),
            classify_response: self.classify_response.clone(),
            limit_key: self.limit_key.clone(),
            breaker_key: self.breaker_key.clone(),
        }
    }
}

impl<Q, R> Debug for PolicyLayer<Q, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyLayer")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl<S, Q, R> Layer<S> for PolicyLayer<Q, R> {
    type Service = Guarded<S, Q, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded::new(inner, self.clone())
    }
}
