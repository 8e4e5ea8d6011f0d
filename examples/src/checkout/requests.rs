//! The four outbound requests, as they would stand in any program: no policy here.

use serde::Deserialize;
use serde_json::json;

use super::{CallError, Order};
use crate::dependency::{Dependency, PerDependency};

/// Where the dependencies are, and the client that reaches them.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    urls: PerDependency<String>,
}

impl Api {
    /// For dependencies at these addresses, each without a slash at its end.
    ///
    /// # Errors
    /// Where the system lets no client be made.
    pub fn new(urls: PerDependency<String>) -> reqwest::Result<Self> {
        // Everything is on loopback, which a proxy of the environment could not reach.
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, urls })
    }

    fn post(&self, dependency: Dependency, path: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.urls[dependency]))
    }
}

/// What the payment provider says of a charge.
#[derive(Debug, Clone, Deserialize)]
pub struct Payment {
    /// Its number there.
    pub id: String,
}

/// When the mail goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mail {
    /// It is out.
    Sent,
    /// Once e-mail is well again.
    Later,
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

pub(super) async fn mail(api: &Api, order: &Order) -> Result<Mail, CallError> {
    let mail = json!({ "to": order.customer, "subject": format!("Your order {}", order.id) });
    let request = api.post(Dependency::Email, "/messages").json(&mail);
    accepted(Dependency::Email, request).await?;
    Ok(Mail::Sent)
}

pub(super) async fn thank(api: &Api, order: &Order) -> Result<Thanks, CallError> {
    let prompt = format!(
        "Thank {} for order {} in one line.",
        order.customer, order.id
    );
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
