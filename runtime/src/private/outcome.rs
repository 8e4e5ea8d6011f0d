//! What annotated functions return.

use crate::rejection::Rejection;

/// A `Result` whose error takes a [`Rejection`].
#[diagnostic::on_unimplemented(
    message = "a #[resilient] function returns a `Result`; `{Self}` is none",
    label = "write `Result<…, E>` with an `E` that takes a `steadfast::Rejection`",
    note = "such as `anyhow::Error`, `std::io::Error`, `steadfast::Error<E>`, or an enum of yours with a variant `Rejected(#[from] steadfast::Rejection)`"
)]
pub trait Outcome {}

#[diagnostic::do_not_recommend]
impl<T, E: TakesRejection> Outcome for Result<T, E> {}

/// An error that a [`Rejection`] turns into.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't hold a `steadfast::Rejection`, which every #[resilient] function may end in",
    label = "this error can't be made from a `steadfast::Rejection`",
    note = "add a variant to it: with thiserror `#[error(transparent)] Rejected(#[from] steadfast::Rejection)`, else `impl From<steadfast::Rejection>`; or return `steadfast::Error<…>` around it"
)]
pub trait TakesRejection {}

#[diagnostic::do_not_recommend]
impl<E: From<Rejection>> TakesRejection for E {}

/// Fails to compile where `R` is no such result.
#[inline]
pub const fn require_outcome<R: Outcome>() {}
