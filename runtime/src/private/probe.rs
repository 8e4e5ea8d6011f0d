//! What an error means, found without asking anything of its type.
//!
//! The compiler picks the first of these traits that the error's type allows, by the number of
//! references it has to peel off (autoref specialization, after David Tolnay's case study of that
//! name): `Classify`, then the chain of sources, then what can be shown, then nothing.
//!
//! The expansion's closure reads, with `R` the return type:
//!
//! ```text
//! |error, attempt| {
//!     use #p::probe::*;
//!     (&&#p::Probe::<R>::new()).note_attempt(error, attempt);
//!     (&&&&&&&#p::Probe::<R>::new()).view(error)
//! }
//! ```

use std::error::Error as StdError;
use std::fmt::Display;
use std::marker::PhantomData;

use crate::call::View;
use crate::classify::{Class, Classify};
use crate::error::Error;

/// Stands for the return type `R` of an annotated function.
pub struct Probe<R>(PhantomData<fn() -> R>);

impl<R> Probe<R> {
    #[inline]
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

macro_rules! levels {
    ($($(#[$doc:meta])* $trait:ident for $probe:ty, [$($bounds:tt)*], |$error:ident| $view:expr;)+) => {$(
        $(#[$doc])*
        pub trait $trait<E> {
            /// What `error` is to the policies.
            fn view<'e>(&self, error: &'e E) -> View<'e>;
        }

        impl<T, E: $($bounds)*> $trait<E> for $probe {
            fn view<'e>(&self, $error: &'e E) -> View<'e> {
                $view
            }
        }
    )+};
}

levels! {
    /// An error that says its class, and has a chain in which a limit of ours may stand.
    ViaClassifyAndChain for &&&&&&Probe<Result<T, E>>, [Classify + StdError + 'static], |error| {
        View::in_chain(error.classify(), error, error)
    };
    /// An error that says its class.
    ViaClassify for &&&&&Probe<Result<T, E>>, [Classify], |error| {
        View::new(error.classify(), &"an error that has no text")
    };
    /// An error whose chain of sources is looked into.
    ViaChain for &&&&Probe<Result<T, E>>, [StdError + 'static], |error| {
        View::by_chain(error, error)
    };
    /// `anyhow`, `eyre` and boxed errors that may go to other threads.
    ViaBox for &&&Probe<Result<T, E>>, [AsRef<dyn StdError + Send + Sync> + Display], |error| {
        let inner: &(dyn StdError + 'static) = error.as_ref();
        View::by_chain(inner, error)
    };
    /// Boxed errors that stay on their thread.
    ViaLocalBox for &&Probe<Result<T, E>>, [AsRef<dyn StdError> + Display], |error| {
        View::by_chain(error.as_ref(), error)
    };
    /// An error of which only the text is known.
    ViaText for &Probe<Result<T, E>>, [Display], |error| View::new(Class::Transient, error);
}

/// An error of which nothing is known.
pub trait ViaNothing<E> {
    /// What `error` is to the policies.
    fn view<'e>(&self, _error: &'e E) -> View<'e> {
        View::new(Class::Transient, &"an error that has no text")
    }
}

impl<R, E> ViaNothing<E> for Probe<R> {}

/// Tells an error of ours how many attempts ran.
pub trait NoteAttempt<E> {
    /// Attempt `attempt` ended in `error`.
    fn note_attempt(&self, error: &mut E, attempt: u32);
}

impl<T, E> NoteAttempt<Error<E>> for &Probe<Result<T, Error<E>>> {
    fn note_attempt(&self, error: &mut Error<E>, attempt: u32) {
        if let Error::Failed { attempts, .. } = error {
            *attempts = attempt;
        }
    }
}

/// Any other error holds no such number.
pub trait NoteNothing<E> {
    /// Does nothing.
    fn note_attempt(&self, _error: &mut E, _attempt: u32) {}
}

impl<R, E> NoteNothing<E> for Probe<R> {}
