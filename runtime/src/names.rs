//! Named policies of one kind, made from what the code says of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use steadfast_options::{Name, defaults};

use crate::breaker::{Breaker, Thresholds};
use crate::bulkhead::Bulkhead;
use crate::config::{Config, Sources};
use crate::definition::{ByHand, Definition, Kind};
use crate::rate_limit::RateLimit;
use crate::sorted::Sorted;
use crate::telemetry::{Event, report};

/// Names that were asked for by hand and that no call declares, at most.
const MOST: usize = 10_000;

/// A policy that is known by name.
pub(crate) trait Named: Clone {
    const KIND: Kind;

    fn make(name: Name, definition: &Definition) -> Self;

    /// Takes a new definition over, and keeps state, counts and what is used.
    fn retune(&self, definition: &Definition);

    /// Lets its handles know what holds, and why.
    fn tell(&self, definition: Arc<Definition>);

    /// It lives as long as the process.
    fn keep_forever(&self);
}

impl Named for Breaker {
    const KIND: Kind = Kind::Breaker;

    fn make(name: Name, definition: &Definition) -> Self {
        let patch = definition.in_force.patch.breaker.unwrap_or_default();
        let max_keys = patch.max_keys.unwrap_or(defaults::breaker::max_keys);
        let breaker = Self::new(name, &Thresholds::new(&patch, definition.guarded), max_keys);
        breaker.set_mode(patch.mode);
        breaker.set_health(patch.health);
        breaker
    }

    fn retune(&self, definition: &Definition) {
        let patch = definition.in_force.patch.breaker.unwrap_or_default();
        let max_keys = patch.max_keys.unwrap_or(defaults::breaker::max_keys);
        self.set_mode(patch.mode);
        self.set_health(patch.health);
        self.retuned(&Thresholds::new(&patch, definition.guarded), max_keys);
    }

    fn tell(&self, definition: Arc<Definition>) {
        self.hold(definition);
    }

    fn keep_forever(&self) {
        self.live_forever();
    }
}

impl Named for RateLimit {
    const KIND: Kind = Kind::RateLimit;

    fn make(name: Name, definition: &Definition) -> Self {
        let patch = definition.in_force.patch.rate_limit.unwrap_or_default();
        let limit = Self::new(name, &patch);
        limit.set_mode(patch.mode);
        limit
    }

    fn retune(&self, definition: &Definition) {
        let patch = definition.in_force.patch.rate_limit.unwrap_or_default();
        self.set_mode(patch.mode);
        self.retuned(&patch);
    }

    fn tell(&self, definition: Arc<Definition>) {
        self.hold(definition);
    }

    fn keep_forever(&self) {} // nothing is held of it that would count holders
}

impl Named for Bulkhead {
    const KIND: Kind = Kind::Bulkhead;

    fn make(name: Name, definition: &Definition) -> Self {
        let patch = definition.in_force.patch.bulkhead.unwrap_or_default();
        let bulkhead = Self::new(name, &patch);
        bulkhead.set_mode(patch.mode);
        bulkhead
    }

    fn retune(&self, definition: &Definition) {
        let patch = definition.in_force.patch.bulkhead.unwrap_or_default();
        self.set_mode(patch.mode);
        self.retuned(&patch);
    }

    fn tell(&self, definition: Arc<Definition>) {
        self.hold(definition);
    }

    fn keep_forever(&self) {
        self.live_forever();
    }
}

pub(crate) struct Names<P>(Mutex<Held<P>>);

/// How long a registry keeps what it has named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeps {
    /// As long as it is there itself.
    Itself,
    Forever,
}

struct Held<P> {
    keeps: Keeps,
    named: Sorted<Name, (P, Arc<Definition>)>,
    /// How many of them no call declares.
    undeclared: usize,
}

impl<P> Default for Names<P> {
    fn default() -> Self {
        Self(Mutex::new(Held {
            keeps: Keeps::Itself,
            named: Sorted::default(),
            undeclared: 0,
        }))
    }
}

impl<P: Named> Names<P> {
    fn held(&self) -> MutexGuard<'_, Held<P>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is named from now on is kept for ever.
    pub(crate) fn keep_forever(&self) {
        self.held().keeps = Keeps::Forever;
    }

    fn known(&self, name: Name) -> Option<(P, Arc<Definition>)> {
        self.held().named.get(&name).cloned()
    }

    /// The policy of this name, made at its first use. Conflicts are reported then.
    pub(crate) fn get(&self, name: Name, config: &Config) -> P {
        if let Some((known, _)) = self.known(name) {
            return known;
        }
        loop {
            // Sites are listed and their settings merged outside the lock.
            let sources = config.sources();
            let definition = Definition::of(P::KIND, name, &sources);
            if let Some((kept, _)) = self.keep(name, definition, &sources, config) {
                return kept;
            }
        }
    }

    /// The policy of this name, if it is in use or a call declares it.
    pub(crate) fn find(&self, name: Name, config: &Config) -> Option<P> {
        if let Some((known, _)) = self.known(name) {
            return Some(known);
        }
        let declared = Definition::of(P::KIND, name, &config.sources()).is_declared();
        declared.then(|| self.get(name, config))
    }

    /// What is in force of the policy of this name, whether it has been used or not.
    pub(crate) fn definition(&self, name: Name, config: &Config) -> Arc<Definition> {
        match self.known(name) {
            Some((_, definition)) => definition,
            None => Arc::new(Definition::of(P::KIND, name, &config.sources())),
        }
    }

    /// What is said by hand otherwise of the policy of this name, which is left as it is.
    pub(crate) fn disagreements(
        &self,
        name: Name,
        by_hand: &ByHand<'_>,
        config: &Config,
    ) -> Vec<String> {
        match self.known(name) {
            Some((_, definition)) => definition.differs(P::KIND, name, by_hand.patch),
            None => Definition::with(P::KIND, name, by_hand, &config.sources())
                .err()
                .unwrap_or_default(),
        }
    }

    /// Makes the policy of this name as it is said by hand; what is wrong with that, if anything.
    pub(crate) fn define(&self, name: Name, by_hand: &ByHand<'_>, config: &Config) -> Vec<String> {
        loop {
            if let Some((_, definition)) = self.known(name) {
                return definition.differs(P::KIND, name, by_hand.patch);
            }
            let sources = config.sources();
            let definition = match Definition::with(P::KIND, name, by_hand, &sources) {
                Ok(definition) => definition,
                Err(faults) => return faults,
            };
            self.keep(name, definition, &sources, config);
        }
    }

    /// Keeps a policy unless another thread did meanwhile; none where the configuration is another
    /// by now.
    fn keep(
        &self,
        name: Name,
        definition: Definition,
        sources: &Sources,
        config: &Config,
    ) -> Option<(P, Arc<Definition>)> {
        let made = (P::make(name, &definition), Arc::new(definition));
        made.0.tell(made.1.clone());
        let mut held = self.held();
        if let Some(known) = held.named.get(&name) {
            return Some(known.clone());
        }
        if !config.is_current(sources) {
            return None;
        }
        if !made.1.is_declared() {
            if held.undeclared >= MOST {
                drop(held);
                report(&Event::TooManyNames { name, most: MOST });
                return Some(made);
            }
            held.undeclared += 1;
        }
        if held.keeps == Keeps::Forever {
            made.0.keep_forever();
        }
        held.named.get_or(name, || made.clone());
        drop(held);
        made.1
            .conflicts()
            .iter()
            .for_each(|conflict| report(&Event::Conflict(conflict)));
        Some(made)
    }

    /// Brings every policy to this version of the configuration.
    pub(crate) fn install(&self, sources: &Sources) {
        let mut changed = Vec::new();
        for (name, (policy, held)) in self.held().named.iter_mut() {
            let newer = Arc::new(held.under(P::KIND, *name, sources));
            if newer.in_force.patch != held.in_force.patch || newer.guarded != held.guarded {
                changed.push((policy.clone(), newer.clone()));
            }
            policy.tell(newer.clone());
            *held = newer;
        }
        // Outside the lock: a bulkhead that grows wakes those who wait.
        changed
            .iter()
            .for_each(|(policy, definition)| policy.retune(definition));
    }

    /// The names in use and their definitions.
    pub(crate) fn definitions(&self) -> Vec<(Name, Arc<Definition>)> {
        let held = self.held();
        let named = held.named.iter();
        named
            .map(|(name, (_, definition))| (*name, definition.clone()))
            .collect()
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<P> {
        self.held()
            .named
            .iter()
            .map(|(_, (policy, _))| policy.clone())
            .collect()
    }
}
