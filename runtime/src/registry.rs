//! Named policies, and who uses which registry.

#[cfg(feature = "redis")]
mod fleet;
mod values;
mod versions;

use std::cell::RefCell;
use std::collections::BTreeSet;
#[cfg(all(feature = "testing", feature = "config"))]
use std::ffi::OsString;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use steadfast_options::Name;

use crate::breaker::Breaker;
use crate::builder::AllMade;
use crate::bulkhead::Bulkhead;
use crate::catalog;
use crate::config::{Config, Kind, name_in};
use crate::conflict::Conflict;
use crate::definition::{self, ByHand};
use crate::limits::Limits;
use crate::names::Names;
use crate::policy::PolicyRef;
use crate::rate_limit::RateLimit;
use crate::site::Site;
use crate::sorted::Sorted;
use crate::tally::Book;
use crate::totals::Loads;
use crate::versions::Versions;

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
    config: Config,
    #[cfg(feature = "config")]
    set_up: AtomicBool,
    #[cfg(feature = "config")]
    running: Mutex<values::Known>,
    /// Held while another version of the configuration is put in force.
    installing: Mutex<()>,
    /// By the address of the site.
    policies: Mutex<Sorted<usize, Versions>>,
    made: AllMade,
    /// With whom policies are shared.
    #[cfg(feature = "redis")]
    fleet: Mutex<Option<Arc<crate::shared::Fleet>>>,
    #[cfg(feature = "redis")]
    queues: Mutex<std::collections::BTreeMap<Name, Arc<crate::outbox::Queue>>>,
    book: Book,
    loads: Loads,
    #[cfg(feature = "testing")]
    kit: Arc<crate::testing::Kit>,
}

#[cfg(feature = "redis")]
pub use fleet::RedisStatus;

static GLOBAL: LazyLock<Registry> = LazyLock::new(|| {
    let registry = Registry::new();
    registry.0.breakers.keep_forever();
    registry.0.bulkheads.keep_forever();
    registry
});

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
        Self::scoped().unwrap_or_else(|| GLOBAL.clone())
    }

    /// The registry of the scope around, where there is one.
    pub(crate) fn scoped() -> Option<Self> {
        let scoped = CURRENT.try_with(|current| current.borrow().clone());
        scoped.ok().flatten()
    }

    /// A future that may run elsewhere, in the registry in force here.
    pub(crate) fn scope_of_this<F: Future>(future: F) -> impl Future<Output = F::Output> {
        let registry = Self::scoped();
        async move {
            match registry {
                Some(registry) => registry.scope(future).await,
                None => future.await,
            }
        }
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

    /// The rate limit and the bulkhead of this name, as one; none where no call declares either and
    /// nobody has asked for one by hand.
    ///
    /// # Panics
    ///
    /// Where `name` is no name.
    ///
    /// ```
    /// use steadfast::{Rejection, registry, resilient};
    ///
    /// #[resilient(rate_limit(name = "doc.llm", max = 50), bulkhead(name = "doc.llm", max = 5))]
    /// async fn complete() -> Result<(), Rejection> { Ok(()) }
    ///
    /// let llm = registry().limits("doc.llm").unwrap();
    /// let place = llm.try_enter()?;
    /// assert_eq!(llm.status().to_string(), "doc.llm: 1 of 50 used, all back in 1.2s; 1 of 5 inside, 0 wait");
    /// assert!(registry().limits("doc.nobody").is_none());
    /// # Ok::<(), Rejection>(())
    /// ```
    #[must_use]
    pub fn limits(&self, name: &str) -> Option<Limits> {
        self.limits_named(checked(name))
    }

    /// Every name that a rate limit or a bulkhead in use has, with both as one.
    #[must_use]
    pub fn all_limits(&self) -> Vec<Limits> {
        let limits = self.rate_limits().into_iter().map(|limit| limit.name());
        let bulkheads = self.bulkheads().into_iter();
        let names: BTreeSet<Name> = limits
            .chain(bulkheads.map(|bulkhead| bulkhead.name()))
            .collect();
        let names = names.into_iter();
        names.filter_map(|name| self.limits_named(name)).collect()
    }

    fn limits_named(&self, name: Name) -> Option<Limits> {
        let Inner {
            rate_limits,
            bulkheads,
            config,
            ..
        } = &*self.0;
        Limits::of(
            name,
            rate_limits.find(name, config),
            bulkheads.find(name, config),
        )
    }

    pub(crate) fn breaker_named(&self, name: Name) -> Breaker {
        let breaker = self.0.breakers.get(name, &self.0.config);
        if breaker.wants_fleet() {
            self.share(&breaker);
        }
        breaker
    }

    /// Without Redis, what is to be shared is local, and that is said once.
    #[cfg(not(feature = "redis"))]
    #[allow(clippy::unused_self)] // as with Redis
    fn share(&self, breaker: &Breaker) {
        breaker.stays_alone();
    }

    #[cfg(not(feature = "redis"))]
    #[allow(clippy::unused_self)] // as with Redis
    fn share_limit(&self, limit: &RateLimit) {
        limit.stays_alone();
    }

    #[cfg(not(feature = "redis"))]
    #[allow(clippy::unused_self)] // as with Redis
    fn share_bulkhead(&self, bulkhead: &Bulkhead) {
        bulkhead.stays_alone();
    }

    pub(crate) fn rate_limit_named(&self, name: Name) -> RateLimit {
        let limit = self.0.rate_limits.get(name, &self.0.config);
        if limit.wants_store() {
            self.share_limit(&limit);
        }
        limit
    }

    pub(crate) fn bulkhead_named(&self, name: Name) -> Bulkhead {
        let bulkhead = self.0.bulkheads.get(name, &self.0.config);
        if bulkhead.wants_store() {
            self.share_bulkhead(&bulkhead);
        }
        bulkhead
    }

    /// What the code or an earlier policy says otherwise of the policies that a patch names.
    pub(crate) fn disagreements(&self, by_hand: &ByHand<'_>) -> Vec<String> {
        let Inner {
            breakers,
            rate_limits,
            bulkheads,
            config,
            ..
        } = &*self.0;
        let patch = by_hand.patch;
        let breaker = patch.breaker.and_then(|breaker| breaker.name);
        let limit = patch.rate_limit.and_then(|limit| limit.name);
        let bulkhead = patch.bulkhead.and_then(|bulkhead| bulkhead.name);
        let mut found = Vec::new();
        found.extend(breaker.map(|name| breakers.disagreements(name, by_hand, config)));
        found.extend(limit.map(|name| rate_limits.disagreements(name, by_hand, config)));
        found.extend(bulkhead.map(|name| bulkheads.disagreements(name, by_hand, config)));
        found.concat()
    }

    /// Makes the named policies of a patch as it says; what the code or an earlier policy says
    /// otherwise.
    pub(crate) fn define(&self, call: Name, by_hand: &ByHand<'_>) -> Vec<String> {
        let Inner {
            breakers,
            rate_limits,
            bulkheads,
            config,
            ..
        } = &*self.0;
        let name = |kind| name_in(kind, call, by_hand.patch);
        let breaker = name(Kind::Breaker).map(|name| breakers.define(name, by_hand, config));
        let limit = name(Kind::RateLimit).map(|name| rate_limits.define(name, by_hand, config));
        let bulkhead = name(Kind::Bulkhead).map(|name| bulkheads.define(name, by_hand, config));
        [breaker, limit, bulkhead]
            .into_iter()
            .flatten()
            .flatten()
            .collect()
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
        definition::conflicts(&self.0.config.sources())
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

    /// Makes this registry know only the annotated functions whose names begin so: what others in a
    /// test's binary declare does not concern a [`setup`](crate::setup) here.
    ///
    /// To be called before anything else is asked of the registry.
    #[cfg(feature = "testing")]
    pub fn know_only(&self, start: &str) {
        self.0.config.set_only(start);
    }

    /// Gives this registry environment variables of its own, in place of the process's.
    ///
    /// To be called before anything else is asked of the registry.
    #[cfg(all(feature = "testing", feature = "config"))]
    pub fn set_variables<N: Into<OsString>, V: Into<OsString>>(
        &self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) {
        let variables = variables.into_iter();
        let variables = variables.map(|(name, value)| (name.into(), value.into()));
        self.0.config.set_variables(variables.collect());
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
    registry.publish(&[std::ptr::from_ref(site).addr()]);
    PolicyRef::apart(policy)
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
