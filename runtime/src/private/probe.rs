//! What an error means, found without asking anything of its type.
//!
//! The compiler picks the first impl of [`Meaning`] that the error's type allows, by the number of
//! references it has to peel off (autoref specialization, after David Tolnay's case study of that
//! name): `Classify`, then the chain of sources, then what can be shown, then nothing. One trait with
//! an impl for each number of references, not a trait for each: the compiler looks at every trait
//! again at each step.
//!
//! The expansion reads, where `attempts` is an [`Attempts<E>`](Attempts):
//!
//! ```text
//! use #p::probe::*;
//! let (look, refuse) = if false {
//!     (((&&&&&&&attempts).look(), (&&attempts).note()), (&&attempts).refuse())
//! } else {
//!     #p::probe::Found::FOUND
//! };
//! ```
//!
//! Only the type of what is found matters: nothing of the search is left in the program, and what is
//! found has no size.

use std::error::Error as StdError;
use std::fmt::Display;

use super::outcome::{Attempts, TakesRejection};
use crate::call::{Look, Refusal, Refuse, View};
use crate::classify::{Class, Classify};
use crate::error::Error;

/// How an error is looked at.
pub trait Meaning {
    /// What looks at it.
    type Look: Found;

    /// What looks at it.
    fn look(&self) -> Self::Look {
        Self::Look::FOUND
    }
}

/// What is found by its type alone.
pub trait Found: Copy {
    /// All there is of it.
    const FOUND: Self;
}

impl<L: Found, N: Found> Found for (L, N) {
    const FOUND: Self = (L::FOUND, N::FOUND);
}

macro_rules! levels {
    ($($(#[$doc:meta])* $look:ident for $attempts:ty, [$($bounds:tt)*], |$error:ident| $view:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $look;

        impl<E: $($bounds)*> Meaning for $attempts {
            type Look = $look;
        }

        impl Found for $look {
            const FOUND: Self = Self;
        }

        impl<E: $($bounds)*> Look<E> for $look {
            fn view<'e>(&self, $error: &'e mut E, _: u32) -> View<'e> {
                let $error = &*$error;
                $view
            }
        }
    )+};
}

levels! {
    /// An error that says its class, and has a chain in which a limit of ours may stand.
    ViaClassifyAndChain for &&&&&&Attempts<E>, [Classify + StdError + 'static], |error| {
        View::in_chain(error.classify(), error, error)
    };
    /// An error that says its class.
    ViaClassify for &&&&&Attempts<E>, [Classify], |error| {
        View::new(error.classify(), &"an error that has no text")
    };
    /// An error whose chain of sources is looked into.
    ViaChain for &&&&Attempts<E>, [StdError + 'static], |error| View::by_chain(error, error);
    /// `anyhow`, `eyre` and boxed errors that may go to other threads.
    ViaBox for &&&Attempts<E>, [AsRef<dyn StdError + Send + Sync> + Display], |error| {
        let inner: &(dyn StdError + 'static) = error.as_ref();
        View::by_chain(inner, error)
    };
    /// Boxed errors that stay on their thread.
    ViaLocalBox for &&Attempts<E>, [AsRef<dyn StdError> + Display], |error| {
        View::by_chain(error.as_ref(), error)
    };
    /// An error of which only the text is known.
    ViaText for &Attempts<E>, [Display], |error| View::new(Class::Transient, error);
    /// An error of which nothing is known.
    ViaNothing for Attempts<E>, [Sized], |_error| {
        View::new(Class::Transient, &"an error that has no text")
    };
}

/// Whether an error is told how many attempts ran.
pub trait Noting {
    /// What tells it.
    type Note: Found;

    /// What tells it.
    fn note(&self) -> Self::Note {
        Self::Note::FOUND
    }
}

/// Tells an error of ours, which holds that number.
#[derive(Clone, Copy)]
pub struct NoteAttempt;

/// Tells no other error.
#[derive(Clone, Copy)]
pub struct NoteNothing;

impl<E> Noting for &Attempts<Error<E>> {
    type Note = NoteAttempt;
}

impl Found for NoteAttempt {
    const FOUND: Self = Self;
}

impl<E> Noting for Attempts<E> {
    type Note = NoteNothing;
}

impl Found for NoteNothing {
    const FOUND: Self = Self;
}

impl<E, L: Look<Error<E>>> Look<Error<E>> for (L, NoteAttempt) {
    fn view<'e>(&self, error: &'e mut Error<E>, attempt: u32) -> View<'e> {
        if let Error::Failed { attempts, .. } = error {
            *attempts = attempt;
        }
        self.0.view(error, attempt)
    }
}

impl<E, L: Look<E>> Look<E> for (L, NoteNothing) {
    #[inline]
    fn view<'e>(&self, error: &'e mut E, attempt: u32) -> View<'e> {
        self.0.view(error, attempt)
    }
}

/// Whether an error takes a rejection.
///
/// Found like what an error means, since a bound on what is called with it would repeat the compiler's
/// complaint about an error that takes none.
pub trait Refusing {
    /// What makes it of a rejection.
    type Refuse: Found;

    /// What makes it of a rejection.
    fn refuse(&self) -> Self::Refuse {
        Self::Refuse::FOUND
    }
}

/// Makes the error of a rejection.
#[derive(Clone, Copy)]
pub struct Takes;

/// Makes none: the compiler has complained of it.
#[derive(Clone, Copy)]
pub struct TakesNone;

impl<E: TakesRejection> Refusing for &Attempts<E> {
    type Refuse = Takes;
}

impl Found for Takes {
    const FOUND: Self = Self;
}

impl<E> Refusing for Attempts<E> {
    type Refuse = TakesNone;
}

impl Found for TakesNone {
    const FOUND: Self = Self;
}

impl<E: TakesRejection> Refuse<E> for Takes {
    #[inline]
    fn refuse(self, refusal: Refusal<'_>) -> E {
        E::take(refusal)
    }
}

impl<E> Refuse<E> for TakesNone {
    fn refuse(self, _: Refusal<'_>) -> E {
        unreachable!("an error that takes no rejection was complained of")
    }
}

/// Looks at an error as `L` does, but for its class.
#[derive(Clone, Copy)]
pub struct Classified<C, L> {
    classify: C,
    look: L,
}

impl<C, L> Classified<C, L> {
    #[inline]
    pub(super) fn new(classify: C, look: L) -> Self {
        Self { classify, look }
    }
}

impl<E, C, L> Look<E> for Classified<C, L>
where
    C: Fn(&E) -> Class,
    L: Look<E>,
{
    fn view<'e>(&self, error: &'e mut E, attempts: u32) -> View<'e> {
        let class = (self.classify)(error);
        self.look.view(error, attempts).with_class(class)
    }
}
