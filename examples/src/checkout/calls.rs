//! The same four requests, guarded: each attribute is all it takes.

use steadfast::resilient;

use super::requests::{self, Api, Mail, Payment, Thanks};
use super::{CallError, Order};

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

/// Mails the receipt; where that fails the order stands, and the mail goes out later.
///
/// # Errors
/// None that its fallback does not take.
#[resilient(
    breaker(name = "email", failures = 5, recovery = "2s"),
    timeout = "300ms",
    fallback = mail_later
)]
pub async fn mail(api: &Api, order: &Order) -> Result<Mail, CallError> {
    requests::mail(api, order).await
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "a fallback returns what its call returns"
)]
fn mail_later(_: &Api, _: &Order, _: CallError) -> Result<Mail, CallError> {
    Ok(Mail::Later)
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
