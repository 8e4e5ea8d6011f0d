//! What annotated functions return.

use std::ops::ControlFlow;

use crate::call::{Attempt, Call, Once, Refusal, View};
use crate::rejection::Rejection;

/// A `Result` whose error takes a [`Rejection`].
#[diagnostic::on_unimplemented(
    message = "a #[resilient] function returns a `Result`; `{Self}` is none",
    label = "write `Result<…, E>` with an `E` that takes a `steadfast::Rejection`",
    note = "such as `anyhow::Error`, `std::io::Error`, `steadfast::Error<E>`, or an enum of yours with a variant `Rejected(#[from] steadfast::Rejection)`"
)]
pub trait Outcome {
    /// What runs the attempts.
    type Attempts;

    /// What runs the attempts of a function that returns this.
    fn attempts() -> Self::Attempts;
}

impl<T, E: TakesRejection> Outcome for Result<T, E> {
    type Attempts = Attempts<E>;

    #[inline]
    fn attempts() -> Attempts<E> {
        Attempts { refuse: E::take }
    }
}

/// An error that a [`Rejection`] turns into.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't hold a `steadfast::Rejection`, which every #[resilient] function may end in",
    label = "this error can't be made from a `steadfast::Rejection`",
    note = "add a variant to it: with thiserror `#[error(transparent)] Rejected(#[from] steadfast::Rejection)`, else `impl From<steadfast::Rejection>`; or return `steadfast::Error<…>` around it"
)]
pub trait TakesRejection: Sized {
    /// Makes the error.
    fn take(refusal: Refusal<'_>) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<Rejection>> TakesRejection for E {
    fn take(refusal: Refusal<'_>) -> Self {
        Rejection::from(refusal).into()
    }
}

/// What runs the attempts of a function that returns `R`. Fails to compile where that is no
/// `Result` whose error takes a rejection; all that follows hangs on what it gives, and is not
/// complained about again.
#[inline]
#[must_use]
pub fn attempts_of<R: Outcome>() -> R::Attempts {
    R::attempts()
}

/// Makes the error of a rejection. A pointer, since a bound on what is called with it would repeat
/// the compiler's complaint about an error that takes none.
pub(super) type Refuse<E> = for<'c> fn(Refusal<'c>) -> E;

/// Runs the attempts of a call whose error is `E`.
pub struct Attempts<E> {
    refuse: Refuse<E>,
}

#[allow(clippy::missing_errors_doc)] // they are the body's own
impl<E> Attempts<E> {
    /// The function's own error for a rejection.
    pub fn rejected(&self, rejection: Rejection) -> E {
        (self.refuse)(Refusal::Made(rejection))
    }

    /// Runs one attempt: `Break` with the call's result, `Continue` where another follows.
    #[inline]
    pub fn attempt<'c, 'p, F, T, V>(
        &self,
        call: &'c mut Call<'p>,
        body: F,
        view: V,
    ) -> Attempt<'c, 'p, F, V, Refuse<E>>
    where
        F: Future<Output = Result<T, E>>,
        V: Fn(&mut E, u32) -> View<'_> + Copy,
    {
        call.attempt(body, view, self.refuse)
    }

    /// Runs the only attempt of a call without retry.
    #[inline]
    pub fn once<'c, 'p, F, T, V>(
        &self,
        call: &'c mut Call<'p>,
        body: F,
        view: V,
    ) -> Once<'c, 'p, F, V, Refuse<E>>
    where
        F: Future<Output = Result<T, E>>,
        V: Fn(&mut E, u32) -> View<'_> + Copy,
    {
        call.once(body, view, self.refuse)
    }

    /// As [`attempt`](Self::attempt), for a sync body.
    #[inline]
    pub fn attempt_blocking<T>(
        &self,
        call: &mut Call<'_>,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
    ) -> ControlFlow<Result<T, E>> {
        call.attempt_blocking(body, view, self.refuse)
    }

    /// As [`once`](Self::once), for a sync body.
    #[inline]
    pub fn once_blocking<T>(
        &self,
        call: &mut Call<'_>,
        body: impl FnOnce() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
    ) -> Result<T, E> {
        call.once_blocking(body, view, self.refuse)
    }
}
