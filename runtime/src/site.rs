//! Annotated functions: what the attribute says of each, and the list of all.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use steadfast_options::{Flavor, Name, Patch, Setting, WorstCase, worst_case};

use crate::call::Call;
use crate::conflict::Place;
use crate::policy::{CallCounts, Policy};
use crate::registry::{self, Registry};
use crate::retry::Retrying;
use crate::slot::Slot;

/// What the attribute says of one function. Made by the attribute alone.
#[doc(hidden)]
pub struct Site {
    default_name: &'static str,
    given_name: Option<&'static str>,
    pub(crate) place: Place,
    flavor: Flavor,
    pub(crate) settings: &'static [Setting],
    pub(crate) notify: Option<fn(&Retrying<'_>)>,
    /// The policy in the global registry, once it is known and while no other registry is in use.
    pub(crate) policy: Slot<Policy>,
    listed: AtomicBool,
}

impl Site {
    #[must_use]
    pub const fn new(
        name: &'static str,
        file: &'static str,
        line: u32,
        flavor: Flavor,
        settings: &'static [Setting],
    ) -> Self {
        Self {
            default_name: name,
            given_name: None,
            place: Place { file, line },
            flavor,
            settings,
            notify: None,
            policy: Slot::empty(),
            listed: AtomicBool::new(false),
        }
    }

    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.given_name = Some(name);
        self
    }

    #[must_use]
    pub const fn notify(mut self, notify: fn(&Retrying<'_>)) -> Self {
        self.notify = Some(notify);
        self
    }

    /// Begins a call.
    #[inline]
    pub fn call(&'static self) -> Call {
        match self.policy.get() {
            Some(policy) => Call::new(policy.into()),
            None => Call::new(registry::policy_of(self)),
        }
    }

    pub(crate) fn patch(&self) -> Patch {
        Patch::of(self.settings)
    }

    /// The call's name; where two functions have the same default name, each gets `@line`.
    pub(crate) fn name(&self) -> Name {
        if let Some(given) = self.given_name {
            return Name::from_static(given);
        }
        let alike =
            |other: &&&Self| other.given_name.is_none() && other.default_name == self.default_name;
        if all().iter().filter(alike).count() < 2 {
            return Name::from_static(self.default_name);
        }
        registry::interned(&format!("{}@{}", self.default_name, self.place.line))
    }

    pub(crate) fn given_name(&self) -> Option<Name> {
        self.given_name.map(Name::from_static)
    }

    /// Puts the site on the list where constructors before `main` did not.
    pub(crate) fn list(&'static self) {
        if !self.listed.swap(true, Ordering::Relaxed) && !LINKED.iter().any(|site| self.is(site)) {
            LATE.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(self);
        }
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// A site on the list that is filled at link time.
#[doc(hidden)]
pub struct SiteEntry(&'static Site);

impl SiteEntry {
    #[must_use]
    pub const fn new(site: &'static Site) -> Self {
        Self(site)
    }
}

inventory::collect!(SiteEntry);

static LINKED: LazyLock<Vec<&'static Site>> = LazyLock::new(|| {
    inventory::iter::<SiteEntry>()
        .map(|entry| entry.0)
        .collect()
});

/// Sites that were called before anyone listed them.
static LATE: Mutex<Vec<&'static Site>> = Mutex::new(Vec::new());

/// All sites known, in the order of file and line.
pub(crate) fn all() -> Vec<&'static Site> {
    let late = LATE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut all: Vec<_> = LINKED.iter().chain(late.iter()).copied().collect();
    drop(late);
    all.sort_by_key(|site| site.place);
    all
}

/// One annotated function, from [`sites`].
#[derive(Clone)]
#[non_exhaustive]
pub struct SiteInfo {
    site: &'static Site,
    policy: Arc<Policy>,
}

/// Every annotated function of this program and the crates it links, in the order of file and
/// line, with its policy in force in the current registry.
///
/// The list is filled when the program is linked; on platforms without constructors before `main`
/// a function is on it from its first call.
///
/// ```
/// use steadfast::resilient;
///
/// #[resilient(breaker = "stripe", timeout = "5s")]
/// async fn refund() -> std::io::Result<()> { Ok(()) }
///
/// let site = steadfast::sites().find(|site| site.name().ends_with("refund")).unwrap();
/// assert_eq!(site.policy().worst_case().to_string(), "5s (1 attempt × 5s)");
/// ```
pub fn sites() -> impl Iterator<Item = SiteInfo> {
    let registry = Registry::current();
    all().into_iter().map(move |site| SiteInfo {
        site,
        policy: registry.policy_of(site),
    })
}

impl SiteInfo {
    /// The call's name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.policy.name
    }

    /// The file it stands in.
    #[must_use]
    pub fn file(&self) -> &'static str {
        self.site.place.file
    }

    /// The line it stands at.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.site.place.line
    }

    /// Whether it is async.
    #[must_use]
    pub fn is_async(&self) -> bool {
        self.site.flavor == Flavor::Async
    }

    /// Its policy in force.
    #[must_use]
    pub fn policy(&self) -> PolicyInfo {
        PolicyInfo {
            patch: self.policy.patch,
        }
    }

    /// How its calls ended so far.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        self.policy.counts()
    }
}

impl std::fmt::Debug for SiteInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SiteInfo")
            .field("name", &self.name())
            .field("at", &format_args!("{}", self.site.place))
            .field("policy", &self.policy())
            .finish()
    }
}

/// A policy in force, from [`SiteInfo::policy`].
#[derive(Clone, Copy, PartialEq)]
pub struct PolicyInfo {
    patch: Patch,
}

impl PolicyInfo {
    /// Every option that is set, with its path, such as `breaker.failures`.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        self.patch.settings()
    }

    /// The longest that a call may take.
    #[must_use]
    pub fn worst_case(&self) -> WorstCase {
        worst_case(&self.patch)
    }
}

impl std::fmt::Debug for PolicyInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let settings = self.settings();
        f.debug_map()
            .entries(
                settings
                    .iter()
                    .map(|set| (set.path, format!("{}", set.value))),
            )
            .entry(&"worst case", &self.worst_case().to_string())
            .finish()
    }
}
