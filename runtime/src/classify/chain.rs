//! The class of an error out of what it was caused by.

use std::error::Error;
use std::sync::{PoisonError, RwLock};

use super::{Class, Classify, io};
use crate::rejection::Rejection;

type Known = fn(&(dyn Error + 'static)) -> Option<Class>;

static REGISTERED: RwLock<Vec<Known>> = RwLock::new(Vec::new());

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

/// Whether the error is at heart the refusal of a limit of ours, in a call inside.
pub(crate) fn is_own_limit(error: &(dyn Error + 'static)) -> bool {
    links(error).any(|error| {
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        let rejection = error.downcast_ref().or_else(|| inner?.downcast_ref());
        matches!(rejection, Some(Rejection::RateLimited { .. }))
    })
}

fn class_of_link(error: &(dyn Error + 'static)) -> Option<Class> {
    if let Some(rejection) = error.downcast_ref::<Rejection>() {
        return Some(Class::of_nested(rejection));
    }
    let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    let known = registered.iter().find_map(|known| known(error));
    drop(registered);
    known
        .or_else(|| io::class(error))
        .or_else(|| class_by_feature(error))
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
