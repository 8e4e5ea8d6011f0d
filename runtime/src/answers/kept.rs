//! The fallback that gives the last good answer.

use std::sync::Arc;

use steadfast_options::{FallbackKind, FallbackPatch, defaults};

use super::{Answer, Answerable, Answers};
use crate::breaker::{Nanos, nanos};
use crate::call::Call;
use crate::keys::Key;

/// The last good answers of one call.
pub(crate) struct LastGood {
    ttl: Nanos,
    answers: Arc<Answers>,
}

impl LastGood {
    /// None where the fallback is of another kind.
    pub(crate) fn new(patch: &FallbackPatch) -> Option<Self> {
        let kind = patch.kind.unwrap_or(defaults::fallback::kind);
        (kind == FallbackKind::Cached).then(|| Self {
            ttl: nanos(patch.ttl.unwrap_or(defaults::fallback::ttl)),
            answers: Arc::new(Answers::new(patch.max.unwrap_or(defaults::fallback::max))),
        })
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
    let answer = last_good.answers.get(key)?;
    if answer.age(last_good.ttl) >= last_good.ttl {
        last_good.answers.forget(key);
        return None;
    }
    let value = answer.value()?;
    call.report_fallback();
    Some(value)
}
