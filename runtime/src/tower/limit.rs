//! A rate limit in front of a server, for each user or address.

use std::fmt;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::http::write_rate_limit;
use crate::rate_limit::{RateLimit, Source};

type SourceOf<Q> = Arc<dyn Fn(&RateLimit, &Request<Q>) -> Source + Send + Sync>;

/// Limits requests by a [`RateLimit`], all together or for each user, address or API key.
///
/// A request too many is answered with 429, `Retry-After`, and a line of text; where a shared limit
/// cannot be reached and its fallback is over, with 503. Every answer says how much is left, in
/// `RateLimit-Limit`, `RateLimit-Remaining` and `RateLimit-Reset` (seconds), as
/// [`write_rate_limit`] writes them; of several layers, the one with the least left says it.
///
/// The limit is that of the registry: what the code or a configuration says of its name holds,
/// its `mode` too, and other layers, handles and annotated functions with that name share its tokens.
/// A service that cannot fail, such as axum's, still cannot.
///
/// ```
/// use axum::extract::{ConnectInfo, Request};
/// use axum::{Router, routing::get};
/// use std::net::SocketAddr;
/// use steadfast::http::{client_ip, network_of};
/// use steadfast::tower::LimitLayer;
///
/// let per_address = LimitLayer::new(&steadfast::registry().rate_limit("api"))
///     .key(|request: &Request| {
///         let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
///         // Behind one proxy of ours, which adds to `X-Forwarded-For`.
///         peer.map(|peer| network_of(client_ip(request.headers(), peer.0.ip(), 1)))
///     });
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(per_address);
/// ```
pub struct LimitLayer<Q> {
    limit: RateLimit,
    source: Option<SourceOf<Q>>,
    wait: Duration,
}

impl<Q> LimitLayer<Q> {
    /// Limits all requests together, until [`key`](Self::key) tells them apart.
    #[must_use]
    pub fn new(limit: &RateLimit) -> Self {
        Self {
            limit: limit.clone(),
            source: None,
            wait: Duration::ZERO,
        }
    }

    /// Requests for which this gives the same value share tokens; at most `rate_limit.max_keys`
    /// values are kept. Nobody but the server should be able to choose the value at will: for
    /// addresses see [`client_ip`](crate::http::client_ip).
    #[must_use]
    pub fn key<K: Hash>(mut self, key: impl Fn(&Request<Q>) -> K + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(move |limit, request| {
            limit.source_of(&key(request))
        }));
        self
    }

    /// How long a request may wait for its turn, first come first served. 0 unless set: who has no
    /// token is refused at once.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

impl<Q> Clone for LimitLayer<Q> {
    fn clone(&self) -> Self {
        Self {
            limit: self.limit.clone(),
            source: self.source.clone(),
            wait: self.wait,
        }
    }
}

impl<Q> fmt::Debug for LimitLayer<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LimitLayer")
            .field("limit", &self.limit)
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}

impl<S, Q> Layer<S> for LimitLayer<Q> {
    type Service = Limited<S, Q>;

    fn layer(&self, inner: S) -> Self::Service {
        Limited {
            inner,
            layer: self.clone(),
        }
    }
}

/// A service behind a rate limit, from [`LimitLayer`].
pub struct Limited<S, Q> {
    inner: S,
    layer: LimitLayer<Q>,
}

impl<S: Clone, Q> Clone for Limited<S, Q> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            layer: self.layer.clone(),
        }
    }
}

impl<S: fmt::Debug, Q> fmt::Debug for Limited<S, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limited")
            .field("inner", &self.inner)
            .field("layer", &self.layer)
            .finish()
    }
}

/// The future of a limited service. Who stops waiting for a turn spends nothing; dropping it later
/// drops the service's own future.
pub type LimitedFuture<B, E> = Pin<Box<dyn Future<Output = Result<Response<B>, E>> + Send>>;

impl<S, Q, B> Service<Request<Q>> for Limited<S, Q>
where
    S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    Q: Send + 'static,
    B: From<String>,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = LimitedFuture<B, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        // The service that was asked for readiness serves the request.
        let next = self.inner.clone();
        let mut service = std::mem::replace(&mut self.inner, next);
        let limit = self.layer.limit.clone();
        let wait = self.layer.wait;
        let source = match &self.layer.source {
            Some(source) => source(&limit, &request),
            None => limit.source_of_all(),
        };
        Box::pin(async move {
            let mut answer = match limit.acquire_from(&source, wait).await {
                Ok(_) => service.call(request).await?,
                Err(rejection) => rejection.to_response().map(B::from),
            };
            write_rate_limit(answer.headers_mut(), limit.status_from(&source));
            Ok(answer)
        })
    }
}
