//! What a program can know of its annotated functions.

use std::sync::Arc;

use steadfast_options::{Name, Patch, Setting, WorstCase, worst_case};

use crate::answers::{Cache, CacheCounts};
use crate::catalog::Listed;
use crate::config::{Layered, SetValue};
use crate::policy::{CallCounts, Resolved};
use crate::registry::Registry;

/// One annotated function, from [`sites`].
#[derive(Clone)]
#[non_exhaustive]
pub struct SiteInfo {
    listed: Listed,
    policy: Arc<Resolved>,
    in_force: Layered,
    values: Vec<SetValue>,
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
    let sites: Vec<Listed> = registry.sites().iter().copied().collect();
    sites.into_iter().map(move |listed| SiteInfo {
        listed,
        policy: registry.policy_of(listed.site),
        in_force: registry.in_force(&listed.declared()),
        values: registry.values_of_call(&listed.declared()),
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
        self.listed.said.file
    }

    /// The line it stands at.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.listed.said.line
    }

    /// Whether it is async.
    #[must_use]
    pub fn is_async(&self) -> bool {
        self.listed.said.flavor.is_async()
    }

    /// Its policy in force.
    #[must_use]
    pub fn policy(&self) -> PolicyInfo {
        PolicyInfo::of(&self.in_force)
    }

    /// Every option of the call and of the policies it names, with its value and the layer that set
    /// it.
    #[must_use]
    pub fn values(&self) -> Vec<SetValue> {
        self.values.clone()
    }

    /// How its calls ended so far.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        self.policy.counts()
    }

    /// What its cache did so far; none where it has no cache.
    #[must_use]
    pub fn cache(&self) -> Option<CacheCounts> {
        self.policy.cache.as_ref().map(Cache::counts)
    }
}

impl std::fmt::Debug for SiteInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SiteInfo")
            .field("name", &self.name())
            .field("at", &format_args!("{}", self.listed.place()))
            .field("policy", &self.policy())
            .finish_non_exhaustive()
    }
}

/// A policy in force, from [`SiteInfo::policy`] and [`Policy::info`](crate::Policy::info).
#[derive(Clone, Copy, PartialEq)]
pub struct PolicyInfo {
    patch: Patch,
}

impl PolicyInfo {
    pub(crate) fn of(in_force: &Layered) -> Self {
        Self {
            patch: in_force.patch,
        }
    }

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
