//! What annotated functions return.

use std::marker::PhantomData;
use std::ops::ControlFlow;

use super::probe::Classified;
use crate::call::{Call, Look, Refusal, Refuse};
use crate::classify::Class;
use crate::rejection::Rejection;

/// A `Result` whose error takes a [`Rejection`].
#[diagnostic::on_unimplemented(
    message = "a #[resilient] function returns a `Result`; `{Self}` is none",
    label = "write `Result<…, E>` with an `E` that takes a `steadfast::Rejection`",
    note = "such as `anyhow::Error`, `std::io::Error`, `steadfast::Error<E>`, or an enum of yours with a variant `Rejected(#[from] steadfast::Rejection)`"
)]
pub trait Outcome {
    /// What stands for the call.
    type Attempts;

    /// What stands for the call of a function that returns this.
    fn attempts() -> Self::Attempts;
}

impl<T, E: TakesRejection> Outcome for Result<T, E> {
    type Attempts = Attempts<E>;

    #[inline]
    fn attempts() -> Attempts<E> {
        Attempts(PhantomData)
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
    #[inline(never)] // once for each error, not for each result
    fn take(refusal: Refusal<'_>) -> Self {
        Rejection::from(refusal).into()
    }
}

/// What stands for a call of a function that returns `R`. Fails to compile where that is no `Result`
/// whose error takes a rejection; all that follows hangs on what it gives, and is not complained
/// about again.
#[inline]
#[must_use]
pub fn attempts_of<R: Outcome>() -> R::Attempts {
    R::attempts()
}

/// Never called: stands where a block is to know from the start what it returns.
#[cold]
#[must_use]
pub fn hint<R>() -> R {
    unreachable!("a hint to the compiler")
}

/// The function's own error for a rejection.
#[must_use]
pub fn refused<E>(refuse: impl Refuse<E>, rejection: Rejection) -> E {
    refuse.refuse(Refusal::Made(rejection))
}

/// Stands for a call whose error is `E`.
pub struct Attempts<E>(PhantomData<fn() -> E>);

impl<E> Clone for Attempts<E> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Attempts<E> {}

#[allow(clippy::missing_errors_doc)] // they are the body's own
impl<E> Attempts<E> {
    /// Looks at errors as `look` does, but asks `classify` for the class of each.
    #[inline]
    pub fn classified<C, L>(self, classify: C, look: L) -> Classified<C, L>
    where
        C: Fn(&E) -> Class,
    {
        Classified::new(classify, look)
    }

    /// As [`Attempt`](crate::call::Attempt), for a sync body.
    #[inline]
    pub fn attempt_blocking<T>(
        self,
        call: &mut Call<'_>,
        body: impl FnOnce() -> Result<T, E>,
        look: impl Look<E>,
        refuse: impl Refuse<E>,
    ) -> ControlFlow<Result<T, E>> {
        call.attempt_blocking(body, look, refuse)
    }
}
