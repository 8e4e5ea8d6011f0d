//! Answers of fallbacks, which may be sync or async.

use std::future::{Ready, ready};

/// Wraps what a fallback returned, whatever it is; `answer` makes a future of it.
pub struct Answering<R>(pub R);

impl<T, E> Answering<Result<T, E>> {
    /// Of a sync fallback: ready at once.
    pub fn answer(self) -> Ready<Result<T, E>> {
        ready(self.0)
    }
}

/// Of an async fallback: its own future.
pub trait AnswerLater {
    /// What it resolves to.
    type Answer;

    /// The future to await.
    fn answer(self) -> impl Future<Output = Self::Answer>;
}

impl<F: Future> AnswerLater for Answering<F> {
    type Answer = F::Output;

    fn answer(self) -> impl Future<Output = F::Output> {
        self.0
    }
}

/// A fallback's answer that is there at once.
#[diagnostic::on_unimplemented(
    message = "the fallback of a sync function must be sync",
    label = "this fallback does not return a `Result` at once",
    note = "make the fallback a plain `fn`, or the annotated function async"
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
pub fn answer_now<A: AnswerNow<T, E>, T, E>(answer: A) -> Result<T, E> {
    answer.now()
}
