//! The tower layer around tonic's channel and server. The messages are plain text: no protoc.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::pending;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use axum::http::uri::PathAndQuery;
use axum::http::{Request as HttpRequest, Response as HttpResponse};
use bytes::{Buf, BufMut};
use steadfast::tower::{BoxError, PolicyLayer};
use steadfast::{Class, Policy, PolicyBuilder, Registry, Rejection};
use steadfast_tests::{ms, secs};
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::NamedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server as TonicServer};
use tonic::{Code, Request, Response, Status};
use tower::{Layer, Service, ServiceBuilder, service_fn};

use super::sockets::Server;

#[derive(Clone, Copy)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, text: String, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(text.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = from.copy_to_bytes(from.remaining());
        let text = String::from_utf8(bytes.into());
        text.map(Some)
            .map_err(|error| Status::internal(error.to_string()))
    }
}

/// Greets whoever it is asked to; "nobody" is unavailable, and "forever" never answered.
#[derive(Clone, Default)]
struct Greeter {
    calls: Arc<AtomicU32>,
}

impl NamedService for Greeter {
    const NAME: &'static str = "steadfast.Greeter";
}

impl Service<HttpRequest<Body>> for Greeter {
    type Response = HttpResponse<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest<Body>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let greet = service_fn(
            async |name: Request<String>| match name.get_ref().as_str() {
                "nobody" => Err(Status::unavailable("there is nobody")),
                "forever" => pending().await,
                name => Ok(Response::new(format!("hello, {name}"))),
            },
        );
        Box::pin(async move { Ok(tonic::server::Grpc::new(Text).unary(greet, request).await) })
    }
}

/// A greeter on a real socket; `serve` puts layers around it.
macro_rules! serve {
    ($greeter:expr, $layer:expr) => {{
        let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = incoming.local_addr().unwrap();
        let router = TonicServer::builder().layer($layer).add_service($greeter);
        Server::new(address, async {
            router.serve_with_incoming(incoming).await.unwrap()
        })
    }};
}

async fn channel(server: &Server) -> Channel {
    let endpoint = Endpoint::from_shared(server.url()).unwrap();
    endpoint.timeout(secs(20)).connect().await.unwrap()
}

async fn greet<S>(service: S, name: &str) -> Result<String, Status>
where
    S: Service<HttpRequest<Body>, Response = HttpResponse<Body>, Error: Into<BoxError>>,
{
    let mut grpc = Grpc::new(service);
    let ready = grpc.ready().await;
    ready.map_err(|error| Status::from_error(error.into()))?;
    let path = PathAndQuery::from_static("/steadfast.Greeter/Greet");
    let mut request = Request::new(name.to_owned());
    request
        .metadata_mut()
        .insert("x-name", name.parse().unwrap());
    let answer = grpc.unary(request, path, Text).await;
    answer.map(Response::into_inner)
}

fn policy(name: &str, options: impl FnOnce(PolicyBuilder) -> PolicyBuilder) -> Policy {
    options(Policy::builder(name).registry(&Registry::new()))
        .build()
        .unwrap()
}

/// The class of a gRPC answer that has failed, out of its `grpc-status`.
fn class_of(answer: &HttpResponse<Body>) -> Option<Class> {
    let status = answer.headers().get("grpc-status")?;
    match Code::from_bytes(status.as_bytes()) {
        Code::Ok => None,
        Code::Unavailable | Code::Internal => Some(Class::Transient),
        _ => Some(Class::Expected),
    }
}

fn rejection(result: &Result<String, Status>) -> Option<&Rejection> {
    result.as_ref().unwrap_err().source()?.downcast_ref()
}

#[tokio::test]
async fn a_guarded_channel_stops_calling_a_server_that_fails() {
    let greeter = Greeter::default();
    let server = serve!(greeter.clone(), tower::layer::util::Identity::new());
    let policy = policy("tonic.client", |builder| {
        builder.breaker("greeter", |breaker| breaker.failures(2))
    });
    let layer = PolicyLayer::new(policy).classify_response(class_of);
    let channel = layer.layer(channel(&server).await);
    assert_eq!(greet(channel.clone(), "ann").await.unwrap(), "hello, ann");
    for _ in 0..2 {
        let status = greet(channel.clone(), "nobody").await.unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::Unavailable, "there is nobody")
        );
    }
    let refused = greet(channel, "ann").await;
    assert!(
        matches!(rejection(&refused), Some(Rejection::CircuitOpen { .. })),
        "{refused:?}"
    );
    assert_eq!(greeter.calls.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_guarded_channel_cuts_a_call_that_hangs() {
    let server = serve!(Greeter::default(), tower::layer::util::Identity::new());
    let policy = policy("tonic.hangs", |builder| builder.timeout(ms(100)));
    let channel = PolicyLayer::new(policy).layer(channel(&server).await);
    let cut = greet(channel, "forever").await;
    assert_eq!(
        rejection(&cut),
        Some(&Rejection::Timeout { limit: ms(100) })
    );
}

/// One greeting a minute for each name.
fn one_each(name: &str) -> PolicyLayer<HttpRequest<Body>, HttpResponse<Body>> {
    let policy = policy(name, |builder| {
        builder.rate_limit("greetings", |limit| limit.max(1).per(secs(60)))
    });
    PolicyLayer::new(policy)
        .limit_key(|request: &HttpRequest<Body>| request.headers().get("x-name").cloned())
}

#[tokio::test]
async fn a_guarded_server_refuses_with_a_status_and_the_connection_lives_on() {
    fn status_of(error: BoxError) -> Status {
        match error.downcast::<Rejection>() {
            Ok(rejection) => Status::resource_exhausted(rejection.to_string()),
            Err(error) => Status::from_error(error),
        }
    }

    let greeter = Greeter::default();
    let layers = ServiceBuilder::new()
        .map_err(status_of)
        .layer(one_each("tonic.server"));
    let server = serve!(greeter.clone(), layers.into_inner());
    let channel = channel(&server).await;
    assert_eq!(greet(channel.clone(), "ann").await.unwrap(), "hello, ann");
    let status = greet(channel.clone(), "ann").await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(
        status
            .message()
            .starts_with("rate limit greetings is used up"),
        "{status:?}"
    );
    assert_eq!(greet(channel, "bob").await.unwrap(), "hello, bob");
    assert_eq!(greeter.calls.load(Ordering::Relaxed), 2);
}

/// A clone of a channel shares its buffer, so that every clone must be asked for readiness.
#[tokio::test]
async fn many_calls_at_once_share_a_guarded_channel() {
    let server = serve!(Greeter::default(), tower::layer::util::Identity::new());
    let policy = policy("tonic.many", |builder| {
        builder.bulkhead("greeter", |bulkhead| bulkhead.max(4))
    });
    let counted = policy.clone();
    let channel = PolicyLayer::new(policy).layer(channel(&server).await);
    let calls = (0..50).map(|_| tokio::spawn(greet(channel.clone(), "ann")));
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap().unwrap(), "hello, ann");
    }
    assert_eq!(counted.calls().ok, 50);
}
