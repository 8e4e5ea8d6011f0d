//! Configuration: what files and variables say, layered over the code.
//!
//! A layer is a list of settings with the place of each ([`Given`]). [`Layers`] hold those of files
//! and variables, [`Sources`] add the code's, and what all come to for one call or policy is a
//! [`Layered`]. A registry has one version of the sources in force; a new one is read (`file`,
//! `read`, `variables`), checked as a whole (`check`), and installed as a whole
//! (`Registry::install`).

mod explain;
mod layered;
mod layers;
mod origin;
mod report;
mod sources;
pub(crate) mod values;

#[cfg(feature = "config")]
mod check;
#[cfg(feature = "config")]
mod example;
#[cfg(feature = "config")]
mod file;
#[cfg(feature = "config")]
mod load;
#[cfg(feature = "config")]
mod read;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "config")]
mod variables;
#[cfg(feature = "watch")]
mod watch;
#[cfg(feature = "config")]
mod words;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

#[cfg(feature = "config")]
pub(crate) use check::InUse;
#[cfg(feature = "config")]
pub use example::example_config;
pub use explain::explain;
pub use layered::SetValue;
pub(crate) use layered::{Given, Layered};
pub(crate) use layers::{Layers, Subject};
#[cfg(feature = "config")]
pub use load::UnknownNames;
#[cfg(all(feature = "config", feature = "testing"))]
pub(crate) use load::load_said;
#[cfg(feature = "config")]
pub(crate) use load::{Backing, Loaded, Variables, load, variables_alone};
pub use origin::{FilePlace, Origin};
#[cfg(all(feature = "config", feature = "testing"))]
pub(crate) use read::read_bytes;
pub(crate) use report::Fault;
#[cfg(feature = "config")]
pub use report::SetupError;
pub(crate) use sources::{Call, Declared, Sources, name_in};
#[cfg(feature = "watch")]
pub(crate) use watch::{Prints, Watch};

use crate::catalog::{self, Catalog};
pub(crate) use crate::definition::Kind;

/// The configuration of one registry.
#[derive(Default)]
pub(crate) struct Config {
    now: Mutex<Option<Arc<Sources>>>,
    version: AtomicU64,
    #[cfg(feature = "config")]
    variables: Mutex<Option<Arc<Variables>>>,
    /// Names that a setup announced.
    announced: Mutex<Vec<String>>,
    #[cfg(feature = "testing")]
    only: Mutex<Option<String>>,
}

/// A version, and what was wrong with the variables that went into it.
pub(crate) struct Current {
    pub(crate) sources: Arc<Sources>,
    pub(crate) faults: Vec<Fault>,
}

impl Config {
    fn now(&self) -> MutexGuard<'_, Option<Arc<Sources>>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version in force. Where the list of sites has grown, so has this.
    ///
    /// The first time the variables are read, and what is wrong with them is reported.
    pub(crate) fn sources(&self) -> Arc<Sources> {
        let Current { sources, faults } = self.current();
        for fault in &faults {
            crate::telemetry::report(&crate::telemetry::Event::BadVariable(fault));
        }
        sources
    }

    fn current(&self) -> Current {
        let all = catalog::all();
        let mut now = self.now();
        if let Some(known) = now
            .as_ref()
            .filter(|known| Arc::ptr_eq(&known.listed, &all))
        {
            let (sources, faults) = (known.clone(), Vec::new());
            return Current { sources, faults };
        }
        let sites = self.sites();
        let (layers, faults) = match now.as_ref() {
            Some(known) => (known.layers.clone(), Vec::new()),
            None => self.first_layers(&sites),
        };
        let version = self.version.load(Ordering::Relaxed);
        let sources = Sources::new(version, all, sites, layers);
        *now = Some(sources.clone());
        Current { sources, faults }
    }

    #[cfg(feature = "config")]
    fn first_layers(&self, sites: &Catalog) -> (Arc<Layers>, Vec<Fault>) {
        variables_alone(&self.variables(), sites, &InUse::default())
    }

    #[cfg(not(feature = "config"))]
    #[allow(clippy::unused_self)] // the environment is not read
    fn first_layers(&self, _: &Catalog) -> (Arc<Layers>, Vec<Fault>) {
        (Arc::default(), Vec::new())
    }

    /// Notes the names of policies that will be made by hand.
    pub(crate) fn announce(&self, names: &[String]) {
        let mut announced = self
            .announced
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *announced = names.to_vec();
    }

    pub(crate) fn is_announced(&self, name: &str) -> bool {
        let announced = self
            .announced
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        announced.iter().any(|known| known == name)
    }

    /// Whether this is the version in force still.
    pub(crate) fn is_current(&self, sources: &Sources) -> bool {
        self.version.load(Ordering::Acquire) == sources.version
    }

    /// Puts other layers in force, for whatever is resolved from now on.
    pub(crate) fn replace(&self, layers: Arc<Layers>) -> Arc<Sources> {
        let (all, sites) = (catalog::all(), self.sites());
        let mut now = self.now();
        let version = self.version.load(Ordering::Relaxed) + 1;
        let sources = Sources::new(version, all, sites, layers);
        *now = Some(sources.clone());
        self.version.store(version, Ordering::Release);
        sources
    }

    /// The annotated functions that this registry knows.
    #[cfg(not(feature = "testing"))]
    #[allow(clippy::unused_self)] // a test's registry may know a part of them
    pub(crate) fn sites(&self) -> Catalog {
        catalog::all()
    }

    /// The annotated functions that this registry knows.
    #[cfg(feature = "testing")]
    pub(crate) fn sites(&self) -> Catalog {
        let all = catalog::all();
        let only = self.only.lock().unwrap_or_else(PoisonError::into_inner);
        match &*only {
            None => all,
            Some(start) => {
                let known = all
                    .iter()
                    .filter(|listed| listed.name.starts_with(&**start));
                known.copied().collect()
            }
        }
    }

    /// The variables, as they were when they were first asked for.
    #[cfg(feature = "config")]
    pub(crate) fn variables(&self) -> Arc<Variables> {
        let mut held = self
            .variables
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let read = || Arc::new(std::env::vars_os().collect());
        held.get_or_insert_with(read).clone()
    }
}

#[cfg(feature = "testing")]
impl Config {
    pub(crate) fn set_only(&self, start: &str) {
        let mut only = self.only.lock().unwrap_or_else(PoisonError::into_inner);
        *only = Some(start.into());
        drop(only);
        *self.now() = None;
    }

    #[cfg(feature = "config")]
    pub(crate) fn set_variables(&self, variables: Variables) {
        let mut held = self
            .variables
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *held = Some(Arc::new(variables));
        drop(held);
        *self.now() = None;
    }
}
