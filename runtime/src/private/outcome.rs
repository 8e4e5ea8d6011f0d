//! What annotated functions return.

use std::marker::PhantomData;
use std::ops::ControlFlow;

use crate::call::{Attempt, Call, Once, Refuse, View};
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
    type Attempts = Attempts<E, Takes>;

    #[inline]
    fn attempts() -> Attempts<E, Takes> {
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
    fn take(rejection: Rejection) -> Self;
}

#[diagnostic::do_not_recommend]
impl<E: From<Rejection>> TakesRejection for E {
    fn take(rejection: Rejection) -> Self {
        rejection.into()
    }
}

/// Rejections become errors as these say.
pub struct Takes(());

impl<E: TakesRejection> Refuse<E> for Takes {
    fn refuse(rejection: Rejection) -> E {
        E::take(rejection)
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

/// Says what an error means to the policies. A pointer, so that what is done with it is compiled
/// once for each type of error, not once for each annotated function.
pub(super) type See<E> = for<'e> fn(&'e mut E, u32) -> View<'e>;

/// Runs the attempts of a call whose error is `E`; `W` makes it of a rejection.
pub struct Attempts<E, W>(PhantomData<fn() -> (E, W)>);

#[allow(clippy::missing_errors_doc, clippy::unused_self)] // the body's own; what a type gave is what is called
impl<E, W: Refuse<E>> Attempts<E, W> {
    /// The function's own error for a rejection.
    pub fn rejected(&self, rejection: Rejection) -> E {
        W::refuse(rejection)
    }

    /// Runs one attempt: `Break` with the call's result, `Continue` where another follows.
    #[inline]
    pub fn attempt<'c, 'p, F, T>(
        &self,
        call: &'c mut Call<'p>,
        body: F,
        see: See<E>,
    ) -> Attempt<'c, 'p, F, See<E>, W>
    where
        F: Future<Output = Result<T, E>>,
    {
        call.attempt(body, see)
    }

    /// Runs the only attempt of a call without retry.
    #[inline]
    pub fn once<'c, 'p, F, T>(
        &self,
        call: &'c mut Call<'p>,
        body: F,
        see: See<E>,
    ) -> Once<'c, 'p, F, See<E>, W>
    where
        F: Future<Output = Result<T, E>>,
    {
        call.once(body, see)
    }

    /// As [`attempt`](Self::attempt), for a sync body.
    #[inline]
    pub fn attempt_blocking<T>(
        &self,
        call: &mut Call<'_>,
        body: impl FnOnce() -> Result<T, E>,
        see: See<E>,
    ) -> ControlFlow<Result<T, E>> {
        call.attempt_blocking::<W, T, E>(body, see)
    }

    /// As [`once`](Self::once), for a sync body.
    #[inline]
    pub fn once_blocking<T>(
        &self,
        call: &mut Call<'_>,
        body: impl FnOnce() -> Result<T, E>,
        see: See<E>,
    ) -> Result<T, E> {
        call.once_blocking::<W, T, E>(body, see)
    }
}
