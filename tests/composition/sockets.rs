//! Real servers on loopback, each of which ends with its test.

use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use steadfast_tests::secs;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A server that ends when dropped.
pub(super) struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) fn new(
        address: SocketAddr,
        serving: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let task = tokio::spawn(serving);
        Self { address, task }
    }

    pub(super) async fn of(app: Router) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = async { axum::serve(listener, app).await.unwrap() };
        Self::new(address, serving)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A client that never waits for long, and asks nobody but loopback.
pub(super) fn client() -> reqwest::Client {
    let client = reqwest::Client::builder().no_proxy().timeout(secs(20));
    client.build().unwrap()
}

/// Status, `Retry-After` and text of an answer.
pub(super) async fn parts(answer: reqwest::Response) -> (u16, Option<String>, String) {
    let status = answer.status().as_u16();
    let retry_after = answer.headers().get("retry-after");
    let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
    (status, retry_after, answer.text().await.unwrap())
}

/// Asks a server once.
pub(super) async fn get(server: &Server) -> (u16, Option<String>, String) {
    parts(client().get(server.url()).send().await.unwrap()).await
}
