//! The client of all services, and their error.

use std::hint::black_box;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;

use reqwest::{RequestBuilder, Response, StatusCode};

pub type Call = fn(Client) -> Pin<Box<dyn Future<Output = bool>>>;

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
}

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("the request failed")]
    Http(#[from] reqwest::Error),
    #[error("the answer is {0}")]
    Status(StatusCode),
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    #[error("the line cannot be read")]
    Line(#[from] serde_json::Error),
    #[error("{0} cents instead of {1}")]
    Amount(u64, u64),
    #[error(transparent)]
    Rejected(#[from] steadfast::Rejection),
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let http = reqwest::Client::new();
        Self { http, address }
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.http.get(format!("http://{}{path}", self.address))
    }

    pub fn post(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("http://{}{path}", self.address))
    }
}

/// An error status is an error.
pub fn accepted(response: Response) -> Result<Response, Failure> {
    match response.status() {
        status if status.is_success() => Ok(response),
        status => Err(Failure::Status(status)),
    }
}

/// Keeps the compiler from dropping what nobody reads.
pub fn done<T>(result: Result<T, Failure>) -> bool {
    black_box(&result).is_ok()
}
