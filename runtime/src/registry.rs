//! Named policies, and who uses which registry.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use steadfast_options::{Name, Patch};

use crate::breaker::Breaker;
use crate::bulkhead::Bulkhead;
use crate::catalog;
use crate::conflict::Conflict;
use crate::definition;
use crate::names::Names;
use crate::policy::{PolicyRef, Resolved};
use crate::rate_limit::RateLimit;
use crate::site::Site;

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
    breakers: Names<Breaker>,
    rate_limits: Names<RateLimit>,
    bulkheads: Names<Bulkhead>,
    /// By the address of the site.
    policies: Mutex<HashMap<usize, Arc<Resolved>>>,
    #[cfg(feature = "testing")]
    kit: Arc<crate::testing::Kit>,
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
        self.breaker_named(checked(name))
    }

    /// The rate limit of this name, as [`breaker`](Self::breaker) finds breakers.
    ///
    /// # Panics
    ///
    /// Where `name` is no name.
    #[must_use]
    pub fn rate_limit(&self, name: &str) -> RateLimit {
        self.rate_limit_named(checked(name))
    }

    /// The bulkhead of this name, as [`breaker`](Self::breaker) finds breakers.
    ///
    /// # Panics
    ///
    /// Where `name` is no name.
    #[must_use]
    pub fn bulkhead(&self, name: &str) -> Bulkhead {
        self.bulkhead_named(checked(name))
    }

    pub(crate) fn breaker_named(&self, name: Name) -> Breaker {
        self.0.breakers.get(name)
    }

    pub(crate) fn rate_limit_named(&self, name: Name) -> RateLimit {
        self.0.rate_limits.get(name)
    }

    pub(crate) fn bulkhead_named(&self, name: Name) -> Bulkhead {
        self.0.bulkheads.get(name)
    }

    /// What the code or an earlier policy says otherwise of the policies that a patch names.
    pub(crate) fn disagreements(&self, patch: &Patch) -> Vec<String> {
        let Inner {
            breakers,
            rate_limits,
            bulkheads,
            ..
        } = &*self.0;
        let breaker = patch.breaker.and_then(|breaker| breaker.name);
        let limit = patch.rate_limit.and_then(|limit| limit.name);
        let bulkhead = patch.bulkhead.and_then(|bulkhead| bulkhead.name);
        let mut found = Vec::new();
        found.extend(breaker.map(|name| breakers.disagreements(name, patch)));
        found.extend(limit.map(|name| rate_limits.disagreements(name, patch)));
        found.extend(bulkhead.map(|name| bulkheads.disagreements(name, patch)));
        found.concat()
    }

    /// Makes the named policies of a patch as it says; what the code or an earlier policy says
    /// otherwise.
    pub(crate) fn define(&self, call: Name, patch: &Patch) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(breaker) = &patch.breaker {
            faults.extend(self.0.breakers.define(breaker.name.unwrap_or(call), patch));
        }
        if let Some(limit) = &patch.rate_limit {
            faults.extend(self.0.rate_limits.define(limit.name.unwrap_or(call), patch));
        }
        if let Some(bulkhead) = &patch.bulkhead {
            faults.extend(
                self.0
                    .bulkheads
                    .define(bulkhead.name.unwrap_or(call), patch),
            );
        }
        faults
    }

    /// Every breaker that is in use or was asked for, by name.
    #[must_use]
    pub fn breakers(&self) -> Vec<Breaker> {
        self.0.breakers.all()
    }

    /// Every rate limit that is in use or was asked for, by name.
    #[must_use]
    pub fn rate_limits(&self) -> Vec<RateLimit> {
        self.0.rate_limits.all()
    }

    /// Every bulkhead that is in use or was asked for, by name.
    #[must_use]
    pub fn bulkheads(&self) -> Vec<Bulkhead> {
        self.0.bulkheads.all()
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
    pub(crate) fn policy_of(&self, site: &'static Site) -> Arc<Resolved> {
        let key = std::ptr::from_ref(site).addr();
        if let Some(known) = self.policies().get(&key) {
            return known.clone();
        }
        let made = Arc::new(Resolved::of_site(&catalog::of(site), self));
        self.policies().entry(key).or_insert(made).clone()
    }

    fn policies(&self) -> MutexGuard<'_, HashMap<usize, Arc<Resolved>>> {
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

fn checked(name: &str) -> Name {
    Name::new(name).unwrap_or_else(|wrong| panic!("{wrong}"))
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
    PolicyRef::apart(policy)
}

/// Leaves the policy in its site, where calls find it with one load. What is left there stays for
/// ever: one policy a site, and one more with each reload.
fn publish(site: &'static Site, policy: Arc<Resolved>) {
    let _publishing = PUBLISHING.lock().unwrap_or_else(PoisonError::into_inner);
    if !SCOPED.load(Ordering::Relaxed) && site.policy.get().is_none() {
        let kept: &'static Arc<Resolved> = Box::leak(Box::new(policy));
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
