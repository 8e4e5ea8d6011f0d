//! The same requests, guarded: each attribute is all it takes.

use std::sync::Arc;

use steadfast::resilient;

use super::requests::{self, Api, Payment, Pitch, Product, Thanks};
use super::{CallError, Letter, Order};

/// The queue of the letters that could not go out, as [`Api::mail`] names it.
pub const EMAILS: &str = "emails";
/// The name of the call that asks for a product: its cache and its fallback are counted under it.
pub const PRODUCT: &str = concat!(module_path!(), "::product");

/// Takes the money. A charge that timed out may have gone through, so only errors that say it did
/// not are retried; the idempotency key, the order's number, is the same for every attempt.
///
/// # Errors
/// The last attempt's, or the refusal of a policy.
#[resilient(
    breaker(name = "payments", failures = 5, recovery = "2s"),
    retry(max = 3, base = "100ms", on(transient, rate_limited)),
    timeout = "500ms",
    deadline = "2s"
)]
pub async fn charge(api: &Api, order: &Order) -> Result<Payment, CallError> {
    requests::charge(api, order).await
}

/// Stores the receipt. Storing twice does no harm, so a slow attempt is cut and tried again.
///
/// # Errors
/// The last attempt's, or the refusal of a policy.
#[resilient(
    breaker(
        name = "storage",
        failure_rate = 0.5,
        min_calls = 20,
        window = "10s",
        recovery = "2s"
    ),
    retry(max = 3, base = "50ms"),
    timeout = "700ms",
    deadline = "2s"
)]
pub async fn store(api: &Api, order: &Order, payment: &Payment) -> Result<(), CallError> {
    requests::store(api, order, payment).await
}

impl Api {
    /// Sends a letter. Where that fails it goes to the queue, and out of it once e-mail is well again: a
    /// worker hands it back to this function, inside which nothing is queued twice. `self` is not kept.
    ///
    /// # Errors
    /// [`Rejection::Queued`](steadfast::Rejection::Queued) where Redis has it; where Redis is out, or was
    /// never there, the call's own.
    #[resilient(
        breaker(name = "email", failures = 5, recovery = "2s"),
        timeout = "300ms",
        fallback(kind = "queue", queue = "emails")
    )]
    pub async fn mail(&self, letter: &Letter) -> Result<(), CallError> {
        requests::mail(self, letter).await
    }
}

/// Asks the language model for a line of thanks; where that fails a line of ours will do.
///
/// # Errors
/// None that its fallback does not take.
#[resilient(
    breaker(name = "llm", failures = 5, recovery = "2s"),
    retry(max = 2, base = "100ms", cap = "1s"),
    timeout = "1s",
    deadline = "2s",
    fallback = plain_thanks
)]
pub async fn thank(api: &Api, order: &Order) -> Result<Thanks, CallError> {
    requests::thank(api, order).await
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "a fallback returns what its call returns"
)]
fn plain_thanks(_: &Api, _: &Order, _: CallError) -> Result<Thanks, CallError> {
    Ok(Thanks {
        text: "Thank you for your order.".into(),
        canned: true,
    })
}

/// What a product's page is about. What is known of it is fresh for two seconds; for four more it is
/// served at once while one refresh runs behind; and where the catalog is away for longer, the last
/// good answer must do. (Half a minute is all the demo has: a shop would say minutes and hours.)
///
/// # Errors
/// The last attempt's, or the refusal of a policy, of a product that was never seen.
#[resilient(
    cache(key = id, fresh = "2s", stale = "4s"),
    breaker(name = "catalog", failures = 5, recovery = "2s"),
    retry(max = 2, base = "50ms"),
    timeout = "500ms",
    fallback(kind = "cached", key = id, ttl = "1h")
)]
pub async fn product(api: &Api, id: u64) -> Result<Arc<Product>, CallError> {
    requests::product(api, id).await.map(Arc::new)
}

/// What the language model says for a product; where it says nothing, its page has a part less.
///
/// # Errors
/// None that its fallback does not take.
#[resilient(breaker = "llm", timeout = "1s", fallback(kind = "default"))]
pub async fn pitch(api: &Api, product: u64) -> Result<Pitch, CallError> {
    requests::pitch(api, product).await
}
