//! Named policies of one kind, made from what the code says of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steadfast_options::{Name, Patch, defaults};

use crate::breaker::{Breaker, Thresholds};
use crate::bulkhead::Bulkhead;
use crate::definition::{Definition, Kind};
use crate::rate_limit::RateLimit;
use crate::telemetry::{Event, report};

/// Names that were asked for by hand and that no call declares, at most.
const MOST: usize = 10_000;

/// A policy that is known by name.
pub(crate) trait Named: Clone {
    const KIND: Kind;

    fn make(name: Name, definition: &Definition) -> Self;
}

impl Named for Breaker {
    const KIND: Kind = Kind::Breaker;

    fn make(name: Name, definition: &Definition) -> Self {
        let patch = definition.patch.breaker.unwrap_or_default();
        let max_keys = patch.max_keys.unwrap_or(defaults::breaker::max_keys);
        Self::new(name, &Thresholds::new(&patch, definition.guarded), max_keys)
    }
}

impl Named for RateLimit {
    const KIND: Kind = Kind::RateLimit;

    fn make(name: Name, definition: &Definition) -> Self {
        Self::new(name, &definition.patch.rate_limit.unwrap_or_default())
    }
}

impl Named for Bulkhead {
    const KIND: Kind = Kind::Bulkhead;

    fn make(name: Name, definition: &Definition) -> Self {
        Self::new(name, &definition.patch.bulkhead.unwrap_or_default())
    }
}

pub(crate) struct Names<P>(Mutex<Held<P>>);

struct Held<P> {
    named: BTreeMap<Name, (P, Arc<Definition>)>,
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

impl<P: Named> Names<P> {
    fn held(&self) -> MutexGuard<'_, Held<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, name: Name) -> Option<(P, Arc<Definition>)> {
        self.held().named.get(&name).cloned()
    }

    /// The policy of this name, made at its first use. Conflicts are reported then.
    pub(crate) fn get(&self, name: Name) -> P {
        match self.known(name) {
            Some((known, _)) => known,
            // Sites are listed and their settings merged outside the lock.
            None => self.keep(name, Definition::of(P::KIND, name)).0,
        }
    }

    /// What `patch` says otherwise of the policy of this name, which is left as it is.
    pub(crate) fn disagreements(&self, name: Name, patch: &Patch) -> Vec<String> {
        match self.known(name) {
            Some((_, definition)) => definition.differs(P::KIND, name, patch),
            None => Definition::with(P::KIND, name, patch)
                .err()
                .unwrap_or_default(),
        }
    }

    /// Makes the policy of this name as `patch` says; what is wrong with that, if anything.
    pub(crate) fn define(&self, name: Name, patch: &Patch) -> Vec<String> {
        let definition = match self.known(name) {
            Some((_, definition)) => return definition.differs(P::KIND, name, patch),
            None => match Definition::with(P::KIND, name, patch) {
                Ok(definition) => definition,
                Err(faults) => return faults,
            },
        };
        self.keep(name, definition).1.differs(P::KIND, name, patch)
    }

    /// Keeps a policy unless another thread did meanwhile.
    fn keep(&self, name: Name, definition: Definition) -> (P, Arc<Definition>) {
        let made = (P::make(name, &definition), Arc::new(definition));
        let mut held = self.held();
        if let Some(known) = held.named.get(&name) {
            return known.clone();
        }
        if !made.1.is_declared() {
            if held.undeclared >= MOST {
                drop(held);
                report(&Event::TooManyNames { name, most: MOST });
                return made;
            }
            held.undeclared += 1;
        }
        held.named.insert(name, made.clone());
        drop(held);
        made.1
            .conflicts
            .iter()
            .for_each(|conflict| report(&Event::Conflict(conflict)));
        made
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<P> {
        self.held()
            .named
            .values()
            .map(|(policy, _)| policy.clone())
            .collect()
    }
}
