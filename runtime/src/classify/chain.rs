//! The class of an error out of what it was caused by.

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

use super::{Class, Classify};
use crate::rejection::Rejection;

type Known = fn(&(dyn Error + 'static)) -> Option<Class>;

static REGISTERED: RwLock<Vec<Known>> = RwLock::new(Vec::new());
static ANY_REGISTERED: AtomicBool = AtomicBool::new(false);

/// Makes a type's [`Classify`] known, so that it is found inside other errors: behind `anyhow`,
/// boxes and `source()`.
///
/// Registering a type twice does nothing more.
///
/// ```
/// use steadfast::{Class, Classify};
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("declined")]
/// struct Declined;
///
/// impl Classify for Declined {
///     fn classify(&self) -> Class { Class::Expected }
/// }
///
/// let boxed: Box<dyn std::error::Error> = Box::new(Declined);
/// assert_eq!(Class::of(&*boxed), Class::Transient);
/// steadfast::classify::register::<Declined>();
/// assert_eq!(Class::of(&*boxed), Class::Expected);
/// ```
pub fn register<E: Error + Classify + 'static>() {
    let known: Known = |error| error.downcast_ref::<E>().map(Classify::classify);
    let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    if !registered
        .iter()
        .any(|&other| std::ptr::fn_addr_eq(other, known))
    {
        registered.push(known);
        ANY_REGISTERED.store(true, Ordering::Release);
    }
}

/// A cycle of sources must not hang the call that asks.
const DEEPEST: usize = 64;

/// The class that the nearest known error along the chain says, if any is known.
pub(crate) fn class_of_chain(error: &(dyn Error + 'static)) -> Option<Class> {
    links(error).find_map(class_of_link)
}

/// The error and what it was caused by.
pub(super) fn links<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let next = |link: &&'e (dyn Error + 'static)| -> Option<&'e (dyn Error + 'static)> {
        (*link).source()
    };
    std::iter::successors(Some(error), next).take(DEEPEST)
}

/// What an error's chain says.
pub(crate) struct InChain {
    /// The class that the nearest known error says, if any is known.
    pub(crate) class: Option<Class>,
    /// Whether it is at heart the refusal of a limit of ours, in a call inside.
    pub(crate) is_own_limit: bool,
}

/// Looks along the chain once.
pub(crate) fn in_chain(error: &(dyn Error + 'static)) -> InChain {
    let mut found = InChain {
        class: None,
        is_own_limit: false,
    };
    for error in links(error) {
        // Most errors are neither, and are asked no more than that.
        if error.is::<Rejection>() || error.is::<std::io::Error>() {
            let link = Link::of(error);
            found.class = found.class.or_else(|| link.class());
            found.is_own_limit |= link.is_own_limit();
        } else if found.class.is_none() {
            found.class = registered(error).or_else(|| class_by_feature(error));
        }
    }
    found
}

/// The refusal of a guard of ours along the chain.
#[cfg(feature = "redis")]
pub(crate) fn rejection_in<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Rejection> {
    links(error).find_map(|error| {
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        error.downcast_ref().or_else(|| inner?.downcast_ref())
    })
}

/// Whether the error is at heart the refusal of a limit of ours, in a call inside.
pub(crate) fn is_own_limit(error: &(dyn Error + 'static)) -> bool {
    links(error).any(|error| Link::of(error).is_own_limit())
}

fn class_of_link(error: &(dyn Error + 'static)) -> Option<Class> {
    Link::of(error).class()
}

/// One error of a chain, as what it is known.
struct Link<'e> {
    error: &'e (dyn Error + 'static),
    rejection: Option<&'e Rejection>,
    io: Option<&'e std::io::Error>,
}

impl<'e> Link<'e> {
    fn of(error: &'e (dyn Error + 'static)) -> Self {
        Self {
            error,
            rejection: error.downcast_ref(),
            io: error.downcast_ref(),
        }
    }

    fn class(&self) -> Option<Class> {
        if let Some(rejection) = self.rejection {
            return Some(Class::of_nested(rejection));
        }
        registered(self.error)
            .or_else(|| self.io.map(Classify::classify))
            .or_else(|| class_by_feature(self.error))
    }

    fn is_own_limit(&self) -> bool {
        let inner = || self.io?.get_ref()?.downcast_ref();
        let rejection = self.rejection.or_else(inner);
        matches!(rejection, Some(Rejection::RateLimited { .. }))
    }
}

/// The class by a type that was registered. Without one, which is so in most programs, no lock is
/// taken.
fn registered(error: &(dyn Error + 'static)) -> Option<Class> {
    if !ANY_REGISTERED.load(Ordering::Acquire) {
        return None;
    }
    let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    registered.iter().find_map(|known| known(error))
}

#[cfg(feature = "reqwest")]
fn class_by_feature(error: &(dyn Error + 'static)) -> Option<Class> {
    super::reqwest::class(error).or_else(|| super::http::class(error))
}

#[cfg(all(feature = "http", not(feature = "reqwest")))]
fn class_by_feature(error: &(dyn Error + 'static)) -> Option<Class> {
    super::http::class(error)
}

#[cfg(not(feature = "http"))]
fn class_by_feature(_: &(dyn Error + 'static)) -> Option<Class> {
    None
}
