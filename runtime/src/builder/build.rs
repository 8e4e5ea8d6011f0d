//! Making a policy, and what may be wrong with it.

use std::time::Duration;

use steadfast_options::{
    BreakerPatch, BulkheadPatch, Fault, Flavor, Merge, Mode, Name, OptionMeta, POLICIES, Patch,
    RateLimitPatch, RetryPatch, Served, Setting, validate,
};

use super::{Made, Policy};
use crate::conflict::Place;
use crate::definition::ByHand;
use crate::registry::Registry;
use crate::retry::Retrying;

/// Makes a [`Policy`], from [`Policy::builder`].
///
/// Options not set have the defaults of `OPTIONS.md`. A method called again adds to what it was told
/// before, and overrides what it was told otherwise; the trip rules of a breaker are one group,
/// which a later call that sets any of them replaces. The values that options take stand in
/// [`options`](crate::options).
///
/// ```
/// use std::time::Duration;
/// use steadfast::Policy;
/// use steadfast::options::{Guards, Ratio};
///
/// let policy = Policy::builder("search")
///     .rate_limit("es.quota", |limit| limit.max(50).per(Duration::from_secs(1)))
///     .bulkhead("es.places", |bulkhead| bulkhead.max(8).guards(Guards::Call))
///     .retry(|retry| retry.max(3).budget(Ratio::literal(0.2)))
///     .deadline(Duration::from_secs(5))
///     .build()
///     .unwrap();
/// assert_eq!(policy.name(), *"search");
///
/// let wrong = Policy::builder("search")
///     .timeout(Duration::from_secs(9))
///     .deadline(Duration::from_secs(5))
///     .build();
/// let faults = wrong.unwrap_err();
/// assert_eq!(faults.faults().next(), Some("timeout 9s is longer than the deadline of 5s"));
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct PolicyBuilder {
    name: String,
    place: Place,
    patch: Patch,
    notify: Option<fn(&Retrying<'_>)>,
    registry: Option<Registry>,
    faults: Vec<String>,
}

impl PolicyBuilder {
    pub(super) fn new(name: &str, place: Place) -> Self {
        Self {
            name: name.to_owned(),
            place,
            patch: Patch::default(),
            notify: None,
            registry: None,
            faults: Vec::new(),
        }
    }

    /// The name of a policy, and a fault where it is none or was given in two ways.
    fn named(&mut self, policy: &str, name: &str, again: Option<Name>) -> Option<Name> {
        if let Some(again) = again {
            self.faults.push(format!(
                "`{policy}` is named {name:?} and, among its options, {again:?}; leave the latter out"
            ));
        }
        Name::new(name)
            .map_err(|wrong| self.faults.push(format!("`{policy}.name`: {wrong}")))
            .ok()
    }

    /// Guards the call with the breaker of this name.
    pub fn breaker(
        mut self,
        name: &str,
        options: impl FnOnce(BreakerPatch) -> BreakerPatch,
    ) -> Self {
        let mut patch = options(BreakerPatch::default());
        patch.name = self.named("breaker", name, patch.name);
        self.patch.breaker.merge(&Some(patch));
        self
    }

    /// Tries again what failed.
    pub fn retry(mut self, options: impl FnOnce(RetryPatch) -> RetryPatch) -> Self {
        let patch = options(RetryPatch::default());
        self.patch.retry.merge(&Some(patch));
        self
    }

    /// Limits the calls per time, with the rate limit of this name.
    pub fn rate_limit(
        mut self,
        name: &str,
        options: impl FnOnce(RateLimitPatch) -> RateLimitPatch,
    ) -> Self {
        let mut patch = options(RateLimitPatch::default());
        patch.name = self.named("rate_limit", name, patch.name);
        self.patch.rate_limit.merge(&Some(patch));
        self
    }

    /// Limits the calls at a time, with the bulkhead of this name.
    pub fn bulkhead(
        mut self,
        name: &str,
        options: impl FnOnce(BulkheadPatch) -> BulkheadPatch,
    ) -> Self {
        let mut patch = options(BulkheadPatch::default());
        patch.name = self.named("bulkhead", name, patch.name);
        self.patch.bulkhead.merge(&Some(patch));
        self
    }

    /// Limit of each attempt, from its body's start: more than zero, at most 100 years. None unless
    /// set.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.patch.call.timeout = Some(limit);
        self
    }

    /// Limit of the whole call, its waits and pauses included: more than zero, at most 100 years.
    /// None unless set.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.patch.call.deadline = Some(limit);
        self
    }

    /// Whether the policy acts, only reports what it would have refused or cut, or leaves the calls
    /// alone. [`Mode::Enforce`] unless set.
    ///
    /// ```
    /// use steadfast::Policy;
    /// use steadfast::options::Mode;
    ///
    /// let policy = Policy::builder("search")
    ///     .bulkhead("mode.es", |bulkhead| bulkhead.max(8))
    ///     .mode(Mode::Observe)
    ///     .build()
    ///     .unwrap();
    /// assert_eq!(policy.calls().would_reject, 0);
    /// ```
    pub fn mode(mut self, mode: Mode) -> Self {
        self.patch.call.mode = Some(mode);
        self
    }

    /// Is told of each retry, before its pause. Needs [`retry`](Self::retry).
    pub fn notify(mut self, notify: fn(&Retrying<'_>)) -> Self {
        self.notify = Some(notify);
        self
    }

    /// The registry whose breakers, limits and bulkheads it uses; [`registry()`](crate::registry)
    /// unless set.
    pub fn registry(mut self, registry: &Registry) -> Self {
        self.registry = Some(registry.clone());
        self
    }

    /// The policy. Makes the breaker, limit and bulkhead that it names, where they are not there
    /// yet.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once: names, values out of range, options that contradict each
    /// other, and named policies that the code, or whatever used them first, defines otherwise.
    /// Nothing has been made then.
    pub fn build(mut self) -> Result<Policy, PolicyError> {
        let mut faults = self.faults_so_far();
        let registry = self.registry.take().unwrap_or_else(Registry::current);
        let name = Name::new(&self.name)
            .map_err(|wrong| faults.insert(0, wrong))
            .ok();
        let by_hand = ByHand {
            patch: &self.patch,
            place: self.place,
        };
        faults.extend(registry.disagreements(&by_hand));
        if let Some(name) = name.filter(|_| faults.is_empty()) {
            // Another thread may have made one of them since.
            faults = registry.define(name, &by_hand);
            if faults.is_empty() {
                let made = Made::new(name, self.place, &self.patch, self.notify, &registry);
                #[cfg(feature = "testing")]
                made.registry.kit().know(name);
                return Ok(Policy(made));
            }
        }
        Err(PolicyError {
            name: self.name,
            faults,
        })
    }

    /// What is wrong with the options by themselves.
    fn faults_so_far(&mut self) -> Vec<String> {
        let mut faults = std::mem::take(&mut self.faults);
        for setting in self.patch.settings() {
            faults.extend(not_for_builders(&setting).or_else(|| setting.out_of_range()));
        }
        let broken = validate(&self.patch, Flavor::Async).into_iter();
        faults.extend(broken.map(|Fault { message, .. }| message));
        if self.notify.is_some() && self.patch.retry.is_none() {
            faults.push("`notify` is told of retries; add `retry(…)`".into());
        }
        faults
    }
}

/// An option that nothing serves yet, or that only code in an attribute can hold.
fn not_for_builders(setting: &Setting) -> Option<String> {
    let mut options = POLICIES.iter().flat_map(|policy| policy.options);
    let OptionMeta {
        path, served, kind, ..
    } = options.find(|option| option.path == setting.path)?;
    if *served == Served::Later {
        return Some(format!("`{path}` is not available yet"));
    }
    if kind.parse.is_some() {
        return None;
    }
    Some(if *path == "retry.notify" {
        format!("`{path}` is a function; give it to the builder's own `notify`")
    } else {
        format!("`{path}` belongs to the attribute; leave it out")
    })
}

/// Why a [`Policy`] can't be made. Its text names every fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy {name:?} can't be made: {}", faults.join("; "))]
pub struct PolicyError {
    name: String,
    faults: Vec<String>,
}

impl PolicyError {
    /// The faults, each with what to write instead.
    pub fn faults(&self) -> impl Iterator<Item = &str> {
        self.faults.iter().map(String::as_str)
    }
}
