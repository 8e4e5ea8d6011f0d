//! Named policies of one kind, made from what the code says of them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use steadfast_options::Name;

use crate::definition::{Definition, Kind};
use crate::telemetry::{Event, report};

/// Names that were asked for by hand and that no call declares, at most.
const MOST: usize = 10_000;

pub(crate) struct Names<P>(Mutex<Held<P>>);

struct Held<P> {
    named: BTreeMap<Name, P>,
    /// How many of them no call declares.
    undeclared: usize,
}

impl<P> Default for Names<P> {
    fn default() -> Self {
        Self(Mutex::new(Held {
            named: BTreeMap::new(),
            undeclared: 0,
        }))
    }
}

impl<P: Clone> Names<P> {
    fn held(&self) -> MutexGuard<'_, Held<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The policy of this name, made at its first use. Conflicts are reported then.
    pub(crate) fn get(&self, kind: Kind, name: Name, make: impl FnOnce(&Definition) -> P) -> P {
        if let Some(known) = self.held().named.get(&name) {
            return known.clone();
        }
        // Sites are listed and their settings merged outside the lock.
        let definition = Definition::of(kind, name);
        let made = make(&definition);
        let mut held = self.held();
        if let Some(known) = held.named.get(&name) {
            return known.clone();
        }
        if !definition.is_declared() {
            if held.undeclared >= MOST {
                drop(held);
                report(&Event::TooManyNames { name, most: MOST });
                return made;
            }
            held.undeclared += 1;
        }
        held.named.insert(name, made.clone());
        drop(held);
        definition
            .conflicts
            .iter()
            .for_each(|conflict| report(&Event::Conflict(conflict)));
        made
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<P> {
        self.held().named.values().cloned().collect()
    }
}
