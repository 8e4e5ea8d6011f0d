//! Breakers by key: one bad host or tenant does not open the circuit for all.

use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Breaker, Nanos, State, Thresholds};
use steadfast_options::Mode;

use crate::clock;
use crate::keys::{Forgettable, Key, Keys};
use crate::telemetry::{Event, report};

/// The breakers of a named breaker's keys.
pub(super) struct KeyedBreakers {
    keys: Keys<Breaker>,
    /// That keys run unguarded is said once.
    warned: AtomicBool,
}

impl KeyedBreakers {
    pub(super) fn new(most: u32) -> Self {
        Self {
            keys: Keys::new(most),
            warned: AtomicBool::new(false),
        }
    }
}

/// When a busy key may be forgotten depends on what becomes of it.
const LOOK_AGAIN: Nanos = 1_000_000_000;

impl Forgettable for Breaker {
    /// Only a closed breaker without counts.
    fn forgettable_in(&self, now: Nanos) -> Nanos {
        // Whoever holds it at this moment may be about to count on it.
        let unused = Arc::strong_count(&self.0) == 1 && self.0.gate.is_as_new(now);
        if unused { 0 } else { LOOK_AGAIN }
    }
}

impl Breaker {
    /// The breaker of one key, made at its first use; none where `max_keys` others are in use, so
    /// that this one runs unguarded.
    ///
    /// ```
    /// let merchants = steadfast::registry().breaker("merchant");
    /// merchants.for_key("acme").unwrap().force_open();
    /// assert!(merchants.for_key("other").unwrap().admit().is_ok());
    /// ```
    #[must_use]
    pub fn for_key<K: Hash + std::fmt::Debug + ?Sized>(&self, key: &K) -> Option<Self> {
        self.of_key(Key::of(key), || format!("{key:?}"))
    }

    pub(crate) fn of_key(&self, key: Key, text: impl FnOnce() -> String) -> Option<Self> {
        let most = || self.0.max_keys.load(Ordering::Relaxed);
        let make = || Box::new(KeyedBreakers::new(most()));
        let keyed = self.0.keyed.get_or_init(make);
        let name = self.name();
        let make = || {
            let breaker = self.new_keyed(&self.thresholds(), shortened(&text()));
            breaker.0.mode.set(Some(self.mode()));
            breaker
        };
        let found = keyed.keys.with(key, clock::now(), make, Self::clone);
        if found.is_err() && !keyed.warned.swap(true, Ordering::Relaxed) {
            report(&Event::TooManyKeys {
                breaker: name,
                most: keyed.keys.most(),
            });
        }
        found.ok()
    }

    /// Brings every key to the thresholds that the breaker itself goes by now. Keys that are made
    /// from here on have them already.
    pub(super) fn retune_keys(&self, thresholds: &Thresholds, max_keys: u32) {
        self.0.max_keys.store(max_keys, Ordering::Relaxed);
        if let Some(keyed) = self.0.keyed.get() {
            keyed.keys.set_most(max_keys);
            keyed.keys.each(|breaker| breaker.retune_one(thresholds));
        }
    }

    /// Gives every key the mode that the breaker itself has.
    pub(super) fn set_mode_of_keys(&self, mode: Option<Mode>) {
        if let Some(keyed) = self.0.keyed.get() {
            keyed.keys.each(|breaker| breaker.0.mode.set(mode));
        }
    }

    /// The breakers of its keys in memory.
    #[cfg(feature = "admin")]
    pub(crate) fn keys(&self) -> Vec<Self> {
        let mut all = Vec::new();
        if let Some(keyed) = self.0.keyed.get() {
            keyed.keys.each(|breaker| all.push(breaker.clone()));
        }
        all
    }

    /// Keys in memory, and how many of them are not closed; none where it is not used by key.
    pub(super) fn keys_held(&self) -> Option<(usize, usize)> {
        let keyed = self.0.keyed.get()?;
        let (mut open, now) = (0, clock::now());
        keyed.keys.each(|breaker| {
            let state = breaker.0.gate.state(now);
            open += usize::from(!matches!(state, State::Closed | State::Disabled));
        });
        Some((keyed.keys.len(), open))
    }

    /// How the keys are, the worst of them by name.
    pub(super) fn keys_status(&self) -> KeysStatus {
        let Some(keyed) = self.0.keyed.get() else {
            return KeysStatus::default();
        };
        let mut status = KeysStatus {
            held: keyed.keys.len(),
            ..KeysStatus::default()
        };
        let mut bad: Vec<KeyStatus> = Vec::new();
        let now = clock::now();
        keyed.keys.each(|breaker| {
            let state = breaker.0.gate.state(now);
            if !matches!(state, State::Closed | State::Disabled) {
                status.open += 1;
            }
            let failures = breaker.0.gate.look(now, |_, shown| shown.failures);
            if failures > 0 || state != State::Closed {
                bad.push(KeyStatus {
                    key: breaker.0.key.clone().unwrap_or_default(),
                    state,
                    failures,
                });
            }
            if bad.len() > 4 * WORST {
                keep_worst(&mut bad);
            }
        });
        keep_worst(&mut bad);
        KeysStatus {
            worst: bad,
            ..status
        }
    }
}

const WORST: usize = 5;
const LONGEST_KEY: usize = 64;

fn keep_worst(bad: &mut Vec<KeyStatus>) {
    bad.sort_by_key(|key| std::cmp::Reverse((key.state != State::Closed, key.failures)));
    bad.truncate(WORST);
}

fn shortened(text: &str) -> Box<str> {
    // Text shows its quotes; they say nothing here.
    let mut text = text.trim_matches('"').to_owned();
    if let Some((end, _)) = text.char_indices().nth(LONGEST_KEY) {
        text.truncate(end);
        text.push('…');
    }
    text.into()
}

/// The keys of a breaker by key, in [`BreakerStatus`](super::BreakerStatus).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct KeysStatus {
    /// Keys kept in memory.
    pub held: usize,
    /// Of these, those whose circuit is not closed.
    pub open: usize,
    /// The worst few: open first, then by failures.
    pub worst: Vec<KeyStatus>,
}

/// One key of a breaker by key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct KeyStatus {
    /// The key, as text of at most 64 characters.
    pub key: Box<str>,
    /// The state of its circuit.
    pub state: State,
    /// Its failures.
    pub failures: u64,
}
