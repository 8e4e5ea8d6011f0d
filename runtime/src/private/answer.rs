//! Answers of fallbacks, which may be sync or async.

use std::future::ready;

/// The answer is there.
pub struct Now;

/// The answer is a future's.
pub struct Later;

/// What a fallback returns: a result, or a future of one.
///
/// `When` is found by the compiler; it keeps the two implementations apart.
#[diagnostic::on_unimplemented(
    message = "a fallback answers with a `Result` like the function's own, or a future of it",
    label = "this fallback answers with `{Self}`",
    note = "write `fn(the arguments…, E) -> Result<T, E>` or `async fn` for a function that returns `Result<T, E>`"
)]
pub trait Answer<When, T, E> {
    /// The future to await.
    fn later(self) -> impl Future<Output = Result<T, E>>;
}

impl<T, E> Answer<Now, T, E> for Result<T, E> {
    fn later(self) -> impl Future<Output = Self> {
        ready(self)
    }
}

#[diagnostic::do_not_recommend]
impl<F: Future<Output = Result<T, E>>, T, E> Answer<Later, T, E> for F {
    fn later(self) -> impl Future<Output = Result<T, E>> {
        self
    }
}

/// The answer of an async function's fallback.
pub fn answer<When, T, E>(given: impl Answer<When, T, E>) -> impl Future<Output = Result<T, E>> {
    given.later()
}

/// What the fallback of a sync function returns.
#[diagnostic::on_unimplemented(
    message = "the fallback of a sync function answers at once, with a `Result` like the function's own",
    label = "this fallback answers with `{Self}`",
    note = "make the fallback a plain `fn(the arguments…, E) -> Result<T, E>`, or the annotated function async"
)]
pub trait AnswerNow<T, E> {
    /// The answer itself.
    #[allow(clippy::missing_errors_doc)]
    fn now(self) -> Result<T, E>;
}

impl<T, E> AnswerNow<T, E> for Result<T, E> {
    fn now(self) -> Self {
        self
    }
}

/// The answer of a sync function's fallback.
#[allow(clippy::missing_errors_doc)]
pub fn answer_now<T, E>(given: impl AnswerNow<T, E>) -> Result<T, E> {
    given.now()
}
