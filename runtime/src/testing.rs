//! A kit for tests of guarded code (feature `testing`).
//!
//! With this feature every clock read is tokio's, so that `tokio::time::pause()` or
//! `#[tokio::test(start_paused = true)]` drives breakers, retries and timeouts, those of sync
//! functions included; only the parking of a sync call is real time.
//!
//! ```
//! use std::time::Duration;
//! use steadfast::testing::Fault;
//! use steadfast::{Class, Registry, State, registry, resilient};
//!
//! #[resilient(name = "charge", breaker(name = "stripe", failures = 1))]
//! async fn charge() -> std::io::Result<()> { Ok(()) }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(async {
//! let apart = Registry::new();
//! apart.seed_jitter(42);
//! apart.inject("charge", Fault::Error(Class::Transient), 1);
//! apart.scope(async {
//!     assert!(charge().await.is_err());
//!     let breaker = registry().breaker("stripe");
//!     assert_eq!(breaker.state(), State::Open);
//!     breaker.wait_for(State::HalfOpen).await;
//!     assert!(charge().await.is_ok());
//! }).await;
//! # });
//! ```

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use steadfast_options::Name;

use crate::classify::Class;
use crate::registry::Registry;

/// What a test makes of an attempt instead of running its body.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The attempt fails with an error of this class; where it is the call's last, the error is
    /// [`Rejection::Injected`](crate::Rejection::Injected).
    Error(Class),
    /// The body never ends. A sync body, which nothing can cut, fails as `Timeout` instead.
    Hang,
    /// The body starts this late, its limits running.
    Delay(Duration),
    /// The body panics.
    Panic,
}

/// Seeds and faults of one registry.
#[derive(Default)]
pub(crate) struct Kit {
    rng: Mutex<Option<Rng>>,
    /// By the call's name, each with how often it is still to come.
    faults: Mutex<HashMap<String, Vec<(Fault, u32)>>>,
    /// The calls that no attribute declares.
    by_hand: Mutex<BTreeSet<Name>>,
}

impl Kit {
    pub(crate) fn random<R>(&self, draw: impl FnOnce(&mut Rng) -> R) -> R {
        let mut seeded = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        match seeded.as_mut() {
            Some(rng) => draw(rng),
            None => draw(&mut Rng::new()),
        }
    }

    /// Notes the name of a policy made by hand.
    pub(crate) fn know(&self, name: Name) {
        self.by_hand
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name);
    }

    fn names(&self) -> BTreeSet<Name> {
        let by_hand = self.by_hand.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = by_hand.clone();
        names.extend(crate::catalog::all().iter().map(|listed| listed.name));
        names
    }

    pub(crate) fn has_fault(&self, call: &str) -> bool {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.get(call).is_some_and(|planned| !planned.is_empty())
    }

    pub(crate) fn fault(&self, call: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let planned = faults.get_mut(call)?;
        let (fault, times) = planned.first_mut()?;
        let fault = fault.clone();
        *times -= 1;
        if *times == 0 {
            planned.remove(0);
        }
        Some(fault)
    }
}

/// Checks a configuration file against this program's annotated functions, as
/// [`Setup::start`](crate::Setup::start) would, and changes nothing: for a test of the files that
/// operators will use. The name's ending says which format it is; variables play no part.
///
/// # Errors
///
/// Every fault there is.
///
/// ```
/// use steadfast::{resilient, testing::check_config};
///
/// #[resilient(name = "check.ask", breaker = "check.es")]
/// async fn ask() -> std::io::Result<()> { Ok(()) }
///
/// check_config("steadfast.toml", "[breaker.\"check.es\"]\nfailures = 9\n").unwrap();
/// let error = check_config("steadfast.toml", "[breaker.\"check.sa\"]\n").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"steadfast.toml:1:10: no breaker is named "check.sa"; did you mean "check.es"?"#
/// );
/// ```
#[cfg(feature = "config")]
pub fn check_config(
    name: impl AsRef<std::path::Path>,
    text: impl AsRef<[u8]>,
) -> Result<(), crate::SetupError> {
    use crate::config::{Backing, load_said, read_bytes};

    let registry = Registry::current();
    let said = read_bytes(name.as_ref(), text.as_ref());
    let loaded = load_said(
        std::iter::once(said),
        &Vec::new(),
        crate::UnknownNames::Refuse,
        &registry.sites(),
        &registry.in_use(&[]),
        Backing::Known, // a variable may name the Redis
    );
    loaded
        .map(drop)
        .map_err(|faults| crate::SetupError::of(&faults))
}

impl Registry {
    /// Makes the jitter of this registry's calls the same in every run.
    pub fn seed_jitter(&self, seed: u64) {
        let kit = self.kit();
        *kit.rng.lock().unwrap_or_else(PoisonError::into_inner) = Some(Rng::with_seed(seed));
    }

    /// Injects a fault into the next `times` attempts of the call of this name, after those that
    /// are planned already.
    ///
    /// # Panics
    ///
    /// Where no annotated function has this name, and no [`Policy`](crate::Policy) that was built in
    /// this registry, so that a test with a typo does not pass.
    pub fn inject(&self, call: &str, fault: Fault, times: u32) {
        let known = self.kit().names();
        if !known.iter().any(|name| *name == *call) {
            let names = known.iter().map(|name| &**name);
            let near = steadfast_options::closest(call, names);
            let near = near.map_or(String::new(), |near| format!("; did you mean {near:?}?"));
            panic!("no call is named {call:?}{near}");
        }
        if times > 0 {
            let kit = self.kit();
            let mut faults = kit.faults.lock().unwrap_or_else(PoisonError::into_inner);
            faults.entry(call.into()).or_default().push((fault, times));
        }
    }

    /// Takes back all faults that are still planned.
    pub fn clear_faults(&self) {
        self.kit()
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}
