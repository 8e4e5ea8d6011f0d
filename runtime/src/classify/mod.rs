//! What an error means to the policies: its class.

mod chain;
#[cfg(feature = "http")]
mod http;
mod io;
mod message;
#[cfg(feature = "reqwest")]
mod reqwest;

use std::fmt;
use std::time::Duration;

use steadfast_options::Classes;

use crate::rejection::Rejection;

pub use chain::register;
#[cfg(feature = "redis")]
pub(crate) use chain::rejection_in;
pub(crate) use chain::{class_of_chain, in_chain, is_own_limit};

/// What an error means: whether to try again, and whether the dependency works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Class {
    /// May pass by itself: connections reset, 503. Also where nothing is known.
    Transient,
    /// Took too long.
    Timeout,
    /// The remote side says: too many.
    RateLimited {
        /// When it wants to be asked again, where it says so.
        retry_after: Option<Duration>,
    },
    /// Will fail again, and says that something is wrong: bad credentials, a gone API.
    Permanent,
    /// A proper answer in error form (not found, declined, invalid): not retried, and a success
    /// for the breaker, since the dependency works.
    Expected,
    /// Counts as nothing: frees a probe's place, is not retried.
    Ignored,
}

/// Says what an error means.
///
/// ```
/// use steadfast::{Class, Classify};
///
/// enum PaymentError { Declined, Unavailable }
///
/// impl Classify for PaymentError {
///     fn classify(&self) -> Class {
///         match self {
///             Self::Declined => Class::Expected,
///             Self::Unavailable => Class::Transient,
///         }
///     }
/// }
/// ```
pub trait Classify {
    /// The class of this error.
    fn classify(&self) -> Class;

    /// Tells the error how many attempts ran. Only [`Error`](crate::Error) cares.
    #[doc(hidden)]
    fn note_attempts(&mut self, _attempts: u32) {}
}

impl<C: Classify + ?Sized> Classify for Box<C> {
    fn classify(&self) -> Class {
        (**self).classify()
    }
}

impl Class {
    /// The class of an error, found as the policies find it where the error does not implement
    /// [`Classify`]: along its `source()` chain, by nested rejections, registered types and
    /// `io::Error` kinds (with features `http` and `reqwest`, theirs too), else `Transient`.
    ///
    /// An error that passes its `source()` on, as thiserror's `#[error(transparent)]` makes it, hides
    /// what it holds; give it a text of its own, or implement [`Classify`].
    ///
    /// ```
    /// use std::io::{Error, ErrorKind};
    /// use steadfast::Class;
    ///
    /// assert_eq!(Class::of(&Error::from(ErrorKind::NotFound)), Class::Expected);
    /// assert_eq!(Class::of(&Error::from(ErrorKind::ConnectionReset)), Class::Transient);
    /// ```
    #[must_use]
    pub fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        class_of_chain(error).unwrap_or(Self::Transient)
    }

    /// The class of a rejection that a call inside this one ended in.
    pub(crate) fn of_nested(rejection: &Rejection) -> Self {
        match rejection {
            Rejection::Timeout { .. } | Rejection::DeadlineExceeded { .. } => Self::Timeout,
            Rejection::CircuitOpen { .. } => Self::Permanent,
            Rejection::RateLimited { retry_in, .. } => Self::RateLimited {
                retry_after: *retry_in,
            },
            Rejection::BulkheadFull { .. }
            | Rejection::LimiterUnavailable { .. }
            | Rejection::Queued { .. } => Self::Ignored,
            #[cfg(feature = "testing")]
            Rejection::Injected { class } => *class,
        }
    }

    /// The class as a word: `transient`, `timeout`, `rate_limited`, `permanent`, `expected`,
    /// `ignored`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "transient",
            Self::Timeout => "timeout",
            Self::RateLimited { .. } => "rate_limited",
            Self::Permanent => "permanent",
            Self::Expected => "expected",
            Self::Ignored => "ignored",
        }
    }

    /// This class as an option's value holds it; none for `Ignored`, which no option can name.
    pub(crate) const fn flag(self) -> Classes {
        match self {
            Self::Transient => Classes::TRANSIENT,
            Self::Timeout => Classes::TIMEOUT,
            Self::RateLimited { .. } => Classes::RATE_LIMITED,
            Self::Permanent => Classes::PERMANENT,
            Self::Expected => Classes::EXPECTED,
            Self::Ignored => Classes::NONE,
        }
    }

    pub(crate) const fn is_in(self, classes: Classes) -> bool {
        !matches!(self, Self::Ignored) && classes.contains(self.flag())
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
