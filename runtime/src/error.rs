//! An error for who wants both: the rejection, or the function's own error and its attempts.

use std::error::Error as StdError;

use crate::classify::{Class, Classify};
use crate::rejection::Rejection;

/// The error of an annotated function that keeps its own errors and ours apart.
///
/// `?` turns any `E: Classify` into it; any other error goes through
/// [`call_err`](CallErr::call_err).
///
/// ```
/// use steadfast::{CallErr, resilient};
///
/// #[resilient(retry(max = 3, base = "0s"))]
/// fn parse(text: &str) -> Result<u32, steadfast::Error<std::num::ParseIntError>> {
///     text.parse().call_err()
/// }
///
/// match parse("x") {
///     Err(steadfast::Error::Failed { attempts, .. }) => assert_eq!(attempts, 3),
///     other => panic!("{other:?}"),
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error<E> {
    /// A policy refused or cut the call.
    // The rejection is the source too, where a call around this one looks for it.
    #[error("{0}")]
    Rejected(#[source] Rejection),
    /// The function failed.
    #[error("{source} (after {attempts} {})", if *.attempts == 1 { "attempt" } else { "attempts" })]
    Failed {
        /// Its last error.
        source: E,
        /// The number of attempts that ran.
        attempts: u32,
    },
}

impl<E> Error<E> {
    /// The rejection, if it was one.
    #[must_use]
    pub fn rejection(&self) -> Option<&Rejection> {
        match self {
            Self::Rejected(rejection) => Some(rejection),
            Self::Failed { .. } => None,
        }
    }
}

impl<E> From<Rejection> for Error<E> {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl<E: Classify> From<E> for Error<E> {
    fn from(source: E) -> Self {
        Self::Failed {
            source,
            attempts: 1,
        }
    }
}

impl<E: Classify> Classify for Error<E> {
    fn classify(&self) -> Class {
        match self {
            Self::Rejected(rejection) => Class::of_nested(rejection),
            Self::Failed { source, .. } => source.classify(),
        }
    }

    fn note_attempts(&mut self, ran: u32) {
        if let Self::Failed { attempts, .. } = self {
            *attempts = ran;
        }
    }
}

/// For errors that are no `std::error::Error` themselves, such as `anyhow::Error`.
impl<E> AsRef<dyn StdError + Send + Sync> for Error<E>
where
    E: AsRef<dyn StdError + Send + Sync>,
{
    fn as_ref(&self) -> &(dyn StdError + Send + Sync + 'static) {
        match self {
            Self::Rejected(rejection) => rejection,
            Self::Failed { source, .. } => source.as_ref(),
        }
    }
}

/// Turns the error of any `Result` into [`Error::Failed`].
pub trait CallErr<T, E> {
    /// `Err(e)` becomes `Err(Error::Failed { source: e, .. })`.
    ///
    /// # Errors
    ///
    /// Where the result is one.
    fn call_err(self) -> Result<T, Error<E>>;
}

impl<T, E> CallErr<T, E> for Result<T, E> {
    fn call_err(self) -> Result<T, Error<E>> {
        self.map_err(|source| Error::Failed {
            source,
            attempts: 1,
        })
    }
}

const _: () = {
    const fn is_std_error<T: StdError>() {}
    is_std_error::<Error<std::io::Error>>();
};
