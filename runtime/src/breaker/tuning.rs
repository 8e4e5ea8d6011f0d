//! What a configuration changes of a breaker that is in use, and says of it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use steadfast_options::{Health, Mode, defaults};

use super::{Breaker, Nanos, Thresholds};
use crate::clock;
use crate::config::{Kind, SetValue};
use crate::definition::Definition;

pub(super) const UNTIMED: Nanos = Nanos::MAX;

pub(super) fn slow_call(thresholds: &Thresholds) -> Nanos {
    thresholds.slow.map_or(UNTIMED, |slow| slow.call)
}

impl Breaker {
    /// Goes on by other thresholds, with state and counts as they are.
    pub(crate) fn retuned(&self, thresholds: &Thresholds, max_keys: u32) {
        self.retune_one(thresholds);
        self.set_scope(thresholds.scope);
        self.retune_keys(thresholds, max_keys);
    }

    pub(super) fn retune_one(&self, thresholds: &Thresholds) {
        self.0
            .slow_call
            .store(slow_call(thresholds), Ordering::Relaxed);
        self.0.gate.retune(thresholds, clock::now());
    }

    #[inline]
    pub(crate) fn mode(&self) -> Mode {
        self.0.mode.get()
    }

    pub(crate) fn set_mode(&self, mode: Option<Mode>) {
        self.0.mode.set(mode);
        self.set_mode_of_keys(mode);
    }

    /// What an open circuit does to the `/health` of the admin router, as `breaker.health` says.
    #[must_use]
    pub fn health(&self) -> Health {
        if self.0.ignored_by_health.load(Ordering::Relaxed) {
            Health::Ignore
        } else {
            Health::Degraded
        }
    }

    pub(crate) fn set_health(&self, health: Option<Health>) {
        let ignored = health.unwrap_or(defaults::breaker::health) == Health::Ignore;
        self.0.ignored_by_health.store(ignored, Ordering::Relaxed);
    }

    pub(crate) fn live_forever(&self) {
        self.0.forever.keep(self);
    }

    /// Every option of it, with the layer that set it; nothing for the breaker of a key.
    #[must_use]
    pub fn values(&self) -> Vec<SetValue> {
        self.0.held.values()
    }

    pub(crate) fn hold(&self, definition: Arc<Definition>) {
        self.0.held.set(Kind::Breaker, definition);
    }
}
