//! Named policies, and who uses which registry.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use steadfast_options::Name;

use crate::breaker::Breaker;
use crate::catalog;
use crate::conflict::Conflict;
use crate::definition;
use crate::policy::{Policy, PolicyRef};
use crate::site::Site;
use crate::telemetry::{Event, report};

/// Names that were asked for by hand and that no call declares, at most.
const MOST_NAMES: usize = 10_000;

/// Breakers by name, and the policies of the calls that use them.
///
/// There is a global one, [`registry()`]; others are made apart from it, each with breakers of its
/// own, for tests and for parts of a program that must not share state. A clone is the same
/// registry.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// use steadfast::{Registry, State, registry};
///
/// let apart = Registry::new();
/// apart.breaker("es").force_open();
/// assert_eq!(registry().breaker("es").state(), State::Closed);
///
/// let inside = apart.scope(async { registry().breaker("es").state() }).await;
/// assert_eq!(inside, State::ForcedOpen);
/// # });
/// ```
#[derive(Clone, Default)]
pub struct Registry(Arc<Inner>);

#[derive(Default)]
struct Inner {
    names: Mutex<Names>,
    /// By the address of the site.
    policies: Mutex<HashMap<usize, Arc<Policy>>>,
    #[cfg(feature = "testing")]
    kit: Arc<crate::testing::Kit>,
}

#[derive(Default)]
struct Names {
    breakers: HashMap<Name, Breaker>,
    /// How many of them no call declares.
    undeclared: usize,
}

static GLOBAL: LazyLock<Registry> = LazyLock::new(Registry::new);

/// Set with the first scope of a process, and never unset: from then on each call asks which
/// registry it is in.
static SCOPED: AtomicBool = AtomicBool::new(false);

/// Orders the first scope and the publishing of policies in sites.
static PUBLISHING: Mutex<()> = Mutex::new(());

thread_local! {
    static CURRENT: RefCell<Option<Registry>> = const { RefCell::new(None) };
}

/// The registry that calls made here use: that of the innermost [`Registry::scope`], else the
/// global one.
///
/// ```
/// assert_eq!(steadfast::registry().breaker("stripe").state(), steadfast::State::Closed);
/// ```
#[must_use]
pub fn registry() -> Registry {
    Registry::current()
}

impl Registry {
    /// A registry of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn current() -> Self {
        let scoped = CURRENT.try_with(|current| current.borrow().clone());
        scoped.ok().flatten().unwrap_or_else(|| GLOBAL.clone())
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The breaker of this name. One that no call declares is made with the defaults; beyond
    /// 10,000 such names each handle is a breaker of its own, with a warning.
    ///
    /// # Panics
    ///
    /// Where `name` is no name: 1 to 128 letters, digits and `.`, `_`, `:`, `-`
    /// ([`Name::new`] tells).
    ///
    /// ```
    /// let breaker = steadfast::registry().breaker("es");
    /// breaker.force_open();
    /// assert!(breaker.admit().is_err());
    /// ```
    #[must_use]
    pub fn breaker(&self, name: &str) -> Breaker {
        match Name::new(name) {
            Ok(name) => self.breaker_named(name),
            Err(wrong) => panic!("{wrong}"),
        }
    }

    pub(crate) fn breaker_named(&self, name: Name) -> Breaker {
        if let Some(known) = self.names().breakers.get(&name) {
            return known.clone();
        }
        // Sites are listed and their settings merged outside the lock.
        let definition = definition::of_breaker(name);
        let made = Breaker::new(name, definition.thresholds());
        let mut names = self.names();
        if let Some(known) = names.breakers.get(&name) {
            return known.clone();
        }
        if !definition.is_declared() {
            if names.undeclared >= MOST_NAMES {
                drop(names);
                report(&Event::TooManyNames {
                    name,
                    most: MOST_NAMES,
                });
                return made;
            }
            names.undeclared += 1;
        }
        names.breakers.insert(name, made.clone());
        drop(names);
        definition
            .conflicts
            .iter()
            .for_each(|conflict| report(&Event::Conflict(conflict)));
        made
    }

    /// Every breaker that is in use or was asked for, by name.
    #[must_use]
    pub fn breakers(&self) -> Vec<Breaker> {
        let mut all: Vec<Breaker> = self.names().breakers.values().cloned().collect();
        all.sort_by_key(Breaker::name);
        all
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.0.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places in the code that disagree: two values for one option of a named policy, values
    /// that together break a rule, two calls with one given name. Empty where all is well.
    ///
    /// ```
    /// assert_eq!(steadfast::registry().check(), []);
    /// ```
    #[must_use]
    pub fn check(&self) -> Vec<Conflict> {
        definition::conflicts()
    }

    /// Runs `future` so that every call inside uses this registry. Tasks that it spawns do not:
    /// wrap their futures too.
    ///
    /// Until the first scope in a process a call pays nothing for it.
    ///
    /// # Cancel safety
    ///
    /// Dropping the scope drops `future`, and nothing else.
    pub fn scope<F: Future>(&self, future: F) -> Scope<F> {
        begin_scopes();
        Scope {
            future,
            registry: self.clone(),
        }
    }

    /// Runs `work` so that every call inside uses this registry; [`scope`](Self::scope) for sync
    /// functions.
    ///
    /// ```
    /// use steadfast::{Registry, registry};
    ///
    /// Registry::new().scope_blocking(|| registry().breaker("es").force_open());
    /// assert!(registry().breaker("es").admit().is_ok());
    /// ```
    pub fn scope_blocking<R>(&self, work: impl FnOnce() -> R) -> R {
        begin_scopes();
        let _entered = Entered::new(self);
        work()
    }

    /// The policy of a site in this registry.
    pub(crate) fn policy_of(&self, site: &'static Site) -> Arc<Policy> {
        let key = std::ptr::from_ref(site).addr();
        if let Some(known) = self.policies().get(&key) {
            return known.clone();
        }
        let made = Arc::new(Policy::new(&catalog::of(site), self));
        self.policies().entry(key).or_insert(made).clone()
    }

    fn policies(&self) -> MutexGuard<'_, HashMap<usize, Arc<Policy>>> {
        self.0
            .policies
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(feature = "testing")]
    pub(crate) fn kit(&self) -> Arc<crate::testing::Kit> {
        self.0.kit.clone()
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry")
            .field("breakers", &self.breakers())
            .finish()
    }
}

/// The policy of a site for a call that begins now.
#[cold]
pub(crate) fn policy_of(site: &'static Site) -> PolicyRef {
    let registry = Registry::current();
    let policy = registry.policy_of(site);
    if registry.is(&GLOBAL) && !SCOPED.load(Ordering::Relaxed) {
        publish(site, policy.clone());
    }
    PolicyRef::Apart(policy)
}

/// Leaves the policy in its site, where calls find it with one load. What is left there stays for
/// ever: one policy a site, and one more with each reload.
fn publish(site: &'static Site, policy: Arc<Policy>) {
    let _publishing = PUBLISHING.lock().unwrap_or_else(PoisonError::into_inner);
    if !SCOPED.load(Ordering::Relaxed) && site.policy.get().is_none() {
        let kept: &'static Arc<Policy> = Box::leak(Box::new(policy));
        site.policy.set(Some(kept));
    }
}

/// Makes all sites ask for their registry from now on.
fn begin_scopes() {
    if SCOPED.load(Ordering::Acquire) {
        return;
    }
    let _publishing = PUBLISHING.lock().unwrap_or_else(PoisonError::into_inner);
    SCOPED.store(true, Ordering::Release);
    catalog::all()
        .iter()
        .for_each(|listed| listed.site.policy.set(None));
}

/// Puts a registry in place on this thread, and the one before back when dropped.
struct Entered(Option<Registry>);

impl Entered {
    fn new(registry: &Registry) -> Self {
        Self(CURRENT.replace(Some(registry.clone())))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

pin_project! {
    /// A future inside a registry, from [`Registry::scope`].
    #[must_use = "futures do nothing unless polled"]
    pub struct Scope<F> {
        #[pin]
        future: F,
        registry: Registry,
    }
}

impl<F: Future> Future for Scope<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(this.registry);
        this.future.poll(context)
    }
}
