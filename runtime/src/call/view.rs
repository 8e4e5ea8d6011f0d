//! What a failed attempt's error is.

use std::error::Error;
use std::fmt::Display;

use crate::classify::{Class, in_chain, is_own_limit};

/// What a failed attempt's error is to the policies.
#[doc(hidden)]
pub struct View<'a> {
    pub(crate) class: Class,
    pub(crate) text: &'a dyn Display,
    /// Whether a breaker counts it: not where a limit of ours, in a call inside, said no.
    pub(crate) counted: bool,
}

impl<'a> View<'a> {
    pub(crate) fn new(class: Class, text: &'a dyn Display) -> Self {
        Self {
            class,
            text,
            counted: true,
        }
    }

    /// Of an error in whose chain a limit of ours may stand.
    pub(crate) fn in_chain(
        class: Class,
        chain: &(dyn Error + 'static),
        text: &'a dyn Display,
    ) -> Self {
        Self {
            counted: !is_own_limit(chain),
            ..Self::new(class, text)
        }
    }

    /// Of an error whose chain says its class too.
    pub(crate) fn by_chain(chain: &(dyn Error + 'static), text: &'a dyn Display) -> Self {
        let found = in_chain(chain);
        Self {
            counted: !found.is_own_limit,
            ..Self::new(found.class.unwrap_or(Class::Transient), text)
        }
    }

    /// The class that the call's own `classify` function says.
    #[must_use]
    pub fn with_class(self, class: Class) -> Self {
        Self {
            class,
            counted: true,
            ..self
        }
    }
}

/// Looks at the errors of a call.
#[doc(hidden)]
pub trait Look<E> {
    /// What `error` is to the policies, after that many attempts.
    fn view<'e>(&self, error: &'e mut E, attempts: u32) -> View<'e>;
}

/// Looks at errors as a closure does.
#[derive(Clone, Copy)]
pub(crate) struct By<C>(C);

/// Looks at errors as the closure does.
#[inline]
pub(crate) fn by<E, C>(look: C) -> By<C>
where
    C: Fn(&mut E, u32) -> View<'_>,
{
    By(look)
}

impl<E, C> Look<E> for By<C>
where
    C: Fn(&mut E, u32) -> View<'_>,
{
    #[inline]
    fn view<'e>(&self, error: &'e mut E, attempts: u32) -> View<'e> {
        (self.0)(error, attempts)
    }
}

impl<E, L: Look<E>> Look<E> for &L {
    #[inline]
    fn view<'e>(&self, error: &'e mut E, attempts: u32) -> View<'e> {
        (**self).view(error, attempts)
    }
}
