//! A policy made by hand, as its registry knows it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use steadfast_options::{Flavor, Name, Patch, Setting};

use crate::config::{Declared, Layered, Sources};
use crate::conflict::Place;
use crate::policy::Resolved;
use crate::registry::Registry;
use crate::retry::Retrying;
use crate::slot::Slot;

pub(crate) struct Made {
    name: Name,
    place: Place,
    settings: Vec<Setting>,
    notify: Option<fn(&Retrying<'_>)>,
    pub(super) registry: Registry,
    first: Arc<Resolved>,
    /// What a reload made of it.
    newer: Slot<Resolved>,
    /// Those that were in the slot. They can't be freed, so they are used again.
    kept: Mutex<Vec<&'static Resolved>>,
}

impl Made {
    pub(super) fn new(
        name: Name,
        place: Place,
        patch: &Patch,
        notify: Option<fn(&Retrying<'_>)>,
        registry: &Registry,
    ) -> Arc<Self> {
        let settings = patch.settings();
        registry.under_one_version(|sources| {
            let call = sources.call(&declared(name, place, &settings));
            let made = Arc::new(Self {
                name,
                place,
                first: Arc::new(Resolved::new(name, &call.patch, notify, registry)),
                settings,
                notify,
                registry: registry.clone(),
                newer: Slot::empty(),
                kept: Mutex::default(),
            });
            registry.know(&made);
            made
        })
    }

    pub(crate) fn declared(&self) -> Declared<'_> {
        declared(self.name, self.place, &self.settings)
    }

    /// The policy for a call that begins now.
    #[inline]
    pub(crate) fn policy(&self) -> &Resolved {
        match self.newer.get() {
            Some(newer) => newer,
            None => &self.first,
        }
    }

    pub(super) fn in_force(&self) -> Layered {
        self.registry.in_force(&self.declared())
    }

    fn kept(&self) -> MutexGuard<'_, Vec<&'static Resolved>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings it to another version of the configuration.
    pub(crate) fn install(&self, sources: &Sources) {
        let call = sources.call(&self.declared());
        let newer = Resolved::new(self.name, &call.patch, self.notify, &self.registry);
        let before = self.policy();
        if newer.is_same(before) {
            return;
        }
        if newer.is_same(&self.first) {
            return self.newer.set(None);
        }
        let mut kept = self.kept();
        let again = kept.iter().find(|known| newer.is_same(known)).copied();
        let next = again.unwrap_or_else(|| {
            let leaked: &'static Resolved = Box::leak(Box::new(newer.counting_on(before)));
            kept.push(leaked);
            leaked
        });
        self.newer.set(Some(next));
    }
}

fn declared(name: Name, place: Place, settings: &[Setting]) -> Declared<'_> {
    Declared {
        name,
        place,
        flavor: Flavor::Async,
        settings,
    }
}

/// The policies made by hand in one registry, as long as they are there.
#[derive(Default)]
pub(crate) struct AllMade(Mutex<Vec<Weak<Made>>>);

impl AllMade {
    fn held(&self) -> MutexGuard<'_, Vec<Weak<Made>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, made: &Arc<Made>) {
        let mut held = self.held();
        if held.len() == held.capacity() {
            held.retain(|known| known.strong_count() > 0);
            let room = held.len().max(8);
            held.reserve(room);
        }
        held.push(Arc::downgrade(made));
    }

    pub(crate) fn all(&self) -> Vec<Arc<Made>> {
        self.held().iter().filter_map(Weak::upgrade).collect()
    }
}
