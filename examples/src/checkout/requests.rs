//! The outbound requests, as they would stand in any program: no policy here.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{CallError, Letter, Order};
use crate::dependency::{Dependency, PerDependency};

/// Where the dependencies are, and the client that reaches them.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    urls: Arc<PerDependency<String>>,
}

impl Api {
    /// For dependencies at these addresses, each without a slash at its end.
    ///
    /// # Errors
    /// Where the system lets no client be made.
    pub fn new(urls: PerDependency<String>) -> reqwest::Result<Self> {
        // Everything is on loopback, which a proxy of the environment could not reach.
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self {
            http,
            urls: Arc::new(urls),
        })
    }

    fn post(&self, dependency: Dependency, path: &str) -> reqwest::RequestBuilder {
        self.http.post(self.url(dependency, path))
    }

    fn url(&self, dependency: Dependency, path: &str) -> String {
        format!("{}{path}", self.urls[dependency])
    }
}

/// What the payment provider says of a charge.
#[derive(Debug, Clone, Deserialize)]
pub struct Payment {
    /// Its number there.
    pub id: String,
}

/// What the catalog says of a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// What it is called.
    pub name: String,
    /// The price.
    pub cents: u64,
}

/// What speaks for a product. Without it, its page has a part less.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Pitch {
    /// As the customer reads it.
    pub text: String,
}

/// Words of thanks.
#[derive(Debug, Clone, Deserialize)]
pub struct Thanks {
    /// As the customer reads them.
    pub text: String,
    /// Whether they are ours and not the language model's.
    #[serde(skip)]
    pub canned: bool,
}

pub(super) async fn charge(api: &Api, order: &Order) -> Result<Payment, CallError> {
    let request = api
        .post(Dependency::Payments, "/charges")
        .header("Idempotency-Key", order.id)
        .json(&json!({ "order": order.id, "cents": order.cents }));
    let response = accepted(Dependency::Payments, request).await?;
    Ok(response.json().await?)
}

pub(super) async fn store(api: &Api, order: &Order, payment: &Payment) -> Result<(), CallError> {
    let receipt = json!({ "order": order.id, "cents": order.cents, "payment": payment.id });
    let request = api.post(Dependency::Storage, "/receipts").json(&receipt);
    accepted(Dependency::Storage, request).await?;
    Ok(())
}

pub(super) async fn mail(api: &Api, letter: &Letter) -> Result<(), CallError> {
    let request = api
        .post(Dependency::Email, "/messages")
        .header("Idempotency-Key", letter.number)
        .json(&json!({ "to": letter.to, "subject": letter.subject }));
    accepted(Dependency::Email, request).await?;
    Ok(())
}

pub(super) async fn product(api: &Api, id: u64) -> Result<Product, CallError> {
    let url = api.url(Dependency::Catalog, &format!("/products/{id}"));
    let response = accepted(Dependency::Catalog, api.http.get(url)).await?;
    Ok(response.json().await?)
}

pub(super) async fn pitch(api: &Api, product: u64) -> Result<Pitch, CallError> {
    let prompt = format!("What speaks for product {product}, in one line?");
    complete(api, &prompt).await
}

pub(super) async fn thank(api: &Api, order: &Order) -> Result<Thanks, CallError> {
    let prompt = format!(
        "Thank {} for order {} in one line.",
        order.customer, order.id
    );
    complete(api, &prompt).await
}

async fn complete<T: DeserializeOwned>(api: &Api, prompt: &str) -> Result<T, CallError> {
    let request = api
        .post(Dependency::Llm, "/completions")
        .json(&json!({ "prompt": prompt }));
    let response = accepted(Dependency::Llm, request).await?;
    Ok(response.json().await?)
}

/// Sends a request; an error status is an error.
async fn accepted(
    dependency: Dependency,
    request: reqwest::RequestBuilder,
) -> Result<reqwest::Response, CallError> {
    let response = request.send().await?;
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let retry_after = response.headers().get(reqwest::header::RETRY_AFTER);
    Err(CallError::Status {
        dependency,
        status,
        retry_after: retry_after
            .and_then(|value| value.to_str().ok())
            .map(String::from),
    })
}
