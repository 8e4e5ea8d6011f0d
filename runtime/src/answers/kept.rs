//! The fallback that gives the last good answer.

use std::sync::Arc;

#[cfg(feature = "redis")]
use steadfast_options::Store;
use steadfast_options::{FallbackKind, FallbackPatch, Name, defaults};

#[cfg(feature = "redis")]
use super::shared::{Kind, Shelf};
use super::{Answer, Answerable, Answers};
use crate::breaker::{Nanos, nanos};
use crate::call::Call;
use crate::keys::Key;

/// The last good answers of one call.
pub(crate) struct LastGood {
    pub(super) ttl: Nanos,
    pub(super) answers: Arc<Answers>,
    /// Whether instances share them.
    #[cfg(feature = "redis")]
    pub(super) shares: bool,
    #[cfg(feature = "redis")]
    pub(super) shelf: Arc<Shelf>,
}

impl LastGood {
    /// None where the fallback is of another kind.
    #[cfg_attr(not(feature = "redis"), allow(unused_variables))] // its name stands in keys
    pub(crate) fn new(call: Name, patch: &FallbackPatch) -> Option<Self> {
        let kind = patch.kind.unwrap_or(defaults::fallback::kind);
        (kind == FallbackKind::Cached).then(|| Self {
            ttl: nanos(patch.ttl.unwrap_or(defaults::fallback::ttl)),
            answers: Arc::new(Answers::new(patch.max.unwrap_or(defaults::fallback::max))),
            #[cfg(feature = "redis")]
            shares: patch.store == Some(Store::Redis),
            #[cfg(feature = "redis")]
            shelf: Shelf::new(call, Kind::LastGood),
        })
    }

    /// An answer that is not too old.
    pub(super) fn answer(&self, key: Key) -> Option<Arc<Answer>> {
        let answer = self.answers.get(key)?;
        if answer.age(self.ttl) < self.ttl {
            return Some(answer);
        }
        self.answers.forget(key);
        None
    }

    /// Goes on with what the one before has kept.
    pub(crate) fn go_on_from(&mut self, before: &Self) {
        self.answers = if self.answers.max == before.answers.max {
            before.answers.clone()
        } else {
            Arc::new(before.answers.within(self.answers.max))
        };
    }
}

/// Keeps a good answer.
pub fn keep<T: Answerable>(call: &Call<'_>, key: Key, value: &T, weigh: impl FnOnce(&T) -> u32) {
    if let Some(last_good) = call.last_good() {
        let answer = Answer::new(value, weigh(value));
        last_good.answers.put(key.typed::<T>(), answer);
    }
}

/// The last good answer, where there is one that is not too old.
#[must_use]
pub fn last_good<T: Answerable>(call: &Call<'_>, key: Key) -> Option<T> {
    let last_good = call.last_good()?;
    let key = key.typed::<T>();
    let value = last_good.answer(key)?.value()?;
    call.report_fallback();
    Some(value)
}
