//! One connection to a stand-in: requests come in, fates go out.

use std::error::Error;
use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::Shared;
use super::behaviour::Fate;
use super::hits::bump;

/// By which a dependency knows a request that it has had before.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// Why a connection ends with `RST` instead of an answer.
#[derive(Debug, thiserror::Error)]
#[error("the timeline resets this connection")]
struct Reset;

/// Serves one connection until the client leaves or the timeline resets it.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(|request| Box::pin(answer(request, Arc::clone(&shared))));
    let mut connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let ended = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let stream = connection.into_parts().io.into_inner();
    if ended.is_err_and(|error| was_reset(&error)) {
        // Without lingering, closing sends RST and drops what is unsent. Where the option cannot be
        // set the client sees a plain close, which is a broken connection all the same.
        let _ = stream.set_zero_linger();
    }
}

fn was_reset(error: &hyper::Error) -> bool {
    error.source().is_some_and(<dyn Error>::is::<Reset>)
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Reset> {
    let counters = &shared.counters;
    let n = bump(&counters.total);
    let (fate, sick) = shared.fate(n);
    if sick {
        bump(&counters.sick);
    }
    let key = request.headers().get(IDEMPOTENCY_KEY);
    let key = key.and_then(|key| key.to_str().ok()).map(str::to_owned);
    // The body is read to its end, or the connection could not be used again.
    let _ = request.into_body().collect().await;
    match fate {
        Fate::Hang => {
            bump(&counters.hung);
            pending().await
        }
        Fate::Reset { after } => {
            bump(&counters.reset);
            sleep(after).await;
            Err(Reset)
        }
        Fate::Answer {
            after,
            status,
            retry_after,
        } => {
            if status >= 400 {
                bump(&counters.errors);
            }
            sleep(after).await;
            if let Some(key) = key.filter(|_| status < 400) {
                counters.accept(&key);
            }
            Ok(response(status, retry_after, shared.body.clone()))
        }
    }
}

fn response(status: u16, retry_after: Option<Duration>, body: Bytes) -> Response<Full<Bytes>> {
    let body = if status >= 400 {
        Bytes::from_static(b"{\"error\":\"sick\"}")
    } else {
        body
    };
    let mut builder = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json");
    if let Some(after) = retry_after {
        builder = builder.header(RETRY_AFTER, after.as_secs());
    }
    builder
        .body(Full::new(body))
        .expect("the scenario's reader lets only statuses from 400 to 599 through")
}
