//! The admin router as it is served: on a loopback port, in a registry of a test's own.

use std::net::SocketAddr;

use axum::Router;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub(crate) const TOKEN: &str = "s3cret";

/// A router that is served until it is dropped.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    client: Client,
    server: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Served {
    /// Serves it below `/admin`, as services do.
    pub(crate) async fn start(admin: Router) -> Self {
        Self::of(Router::new().nest("/admin", admin)).await
    }

    /// Serves this.
    pub(crate) async fn of(app: Router) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, app).await;
        });
        Self {
            address,
            client: Client::builder().no_proxy().build().unwrap(),
            server,
        }
    }

    /// With a token, in the registry in force.
    pub(crate) async fn with_token() -> Self {
        Self::start(steadfast::admin().token(TOKEN).router()).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/admin{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        self.get(path).await.text().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, token: Option<&str>) -> (StatusCode, Value) {
        let mut request = self.client.request(Method::POST, self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.json().await.unwrap())
    }

    /// Sends these bytes, and gives the first bytes of the answer.
    pub(crate) async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // Who refuses a request need not read all of it.
        let _ = stream.write_all(request).await;
        let mut answer = vec![0; 4096];
        let mut read = 0;
        while read < answer.len() {
            match stream.read(&mut answer[read..]).await {
                Ok(more) if more > 0 => read += more,
                _ => break,
            }
        }
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }
}
