//! Policies without the attribute.

use std::fmt::{self, Display};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use steadfast_options::{
    BreakerPatch, BulkheadPatch, Fault, Flavor, Merge, Name, POLICIES, Patch, RateLimitPatch,
    RetryPatch, Served, validate,
};

use crate::call::{Call, View};
use crate::classify::{Class, Classify};
use crate::policy::{PolicyRef, Resolved};
use crate::registry::Registry;
use crate::rejection::Rejection;
use crate::retry::Retrying;
use crate::sites::PolicyInfo;

/// A policy made by hand, for calls that no attribute fits: closures, generic clients, middleware.
///
/// It holds to the same rules and the same order as `#[resilient]`, and shares breakers, limits and
/// bulkheads by name with annotated functions. A clone is the same policy.
///
/// ```
/// use std::time::Duration;
/// use steadfast::Policy;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let policy = Policy::builder("search")
///     .breaker("es", |breaker| breaker.failures(3))
///     .retry(|retry| retry.max(4).base(Duration::from_millis(50)))
///     .timeout(Duration::from_secs(2))
///     .build()?;
///
/// let hits = policy.call(|| async { std::io::Result::Ok(7) }).await.unwrap();
/// assert_eq!(hits, 7);
/// # Ok::<(), steadfast::PolicyError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct Policy(Arc<Resolved>);

impl Policy {
    /// Begins a policy for calls of this name (1 to 128 letters, digits and `.`, `_`, `:`, `-`).
    #[must_use]
    pub fn builder(name: &str) -> PolicyBuilder {
        let mut builder = PolicyBuilder {
            name: Name::from_static("unnamed"),
            patch: Patch::default(),
            notify: None,
            registry: None,
            faults: Vec::new(),
        };
        if let Some(name) = builder.checked(name) {
            builder.name = name;
        }
        builder
    }

    /// The call's name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.name
    }

    /// The options in force.
    #[must_use]
    pub fn info(&self) -> PolicyInfo {
        PolicyInfo::new(self.0.patch)
    }

    /// Makes a call: runs `body` once for each attempt.
    ///
    /// # Errors
    ///
    /// The last error of `body`, or a [`Rejection`] turned into one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the body; the call counts as nothing, and places are given back.
    pub async fn call<T, E, F>(&self, body: impl FnMut() -> F) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: From<Rejection> + Classify + Display,
    {
        self.run(body, |error, attempt| {
            error.note_attempts(attempt);
            View::new(error.classify(), error)
        })
        .await
    }

    /// As [`call`](Self::call), for errors that do not say their class themselves: `classify` does.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// use steadfast::{Class, Policy};
    ///
    /// let policy = Policy::builder("search").retry(|retry| retry.max(2)).build().unwrap();
    /// let classify = |error: &anyhow::Error| Class::of(error.as_ref());
    /// policy.call_with(classify, || async { anyhow::Ok(()) }).await.unwrap();
    /// # });
    /// ```
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    pub async fn call_with<T, E, F>(
        &self,
        classify: impl Fn(&E) -> Class,
        body: impl FnMut() -> F,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: From<Rejection> + Display,
    {
        self.run(body, |error, _| View::new(classify(error), error))
            .await
    }

    async fn run<T, E, F>(
        &self,
        mut body: impl FnMut() -> F,
        view: impl Fn(&mut E, u32) -> View<'_>,
    ) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
        E: From<Rejection>,
    {
        let mut call = self.begin();
        loop {
            let attempt = call.attempt(async { body().await }, &view, E::from);
            if let ControlFlow::Break(result) = attempt.await {
                return result;
            }
        }
    }

    /// Makes a sync call: runs `body` once for each attempt. Waits and pauses park the thread.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn call_blocking<T, E>(&self, body: impl FnMut() -> Result<T, E>) -> Result<T, E>
    where
        E: From<Rejection> + Classify + Display,
    {
        self.run_blocking(body, |error, attempt| {
            error.note_attempts(attempt);
            View::new(error.classify(), error)
        })
    }

    /// As [`call_blocking`](Self::call_blocking), for errors that do not say their class
    /// themselves: `classify` does.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn call_blocking_with<T, E>(
        &self,
        classify: impl Fn(&E) -> Class,
        body: impl FnMut() -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<Rejection> + Display,
    {
        self.run_blocking(body, |error, _| View::new(classify(error), error))
    }

    fn run_blocking<T, E: From<Rejection>>(
        &self,
        mut body: impl FnMut() -> Result<T, E>,
        view: impl Fn(&mut E, u32) -> View<'_>,
    ) -> Result<T, E> {
        let mut call = self.begin();
        loop {
            if let ControlFlow::Break(result) = call.attempt_blocking(&mut body, &view, E::from) {
                return result;
            }
        }
    }

    pub(crate) fn begin(&self) -> Call {
        Call::new(PolicyRef::Apart(self.0.clone()))
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.name())
            .field("options", &self.info())
            .finish()
    }
}

/// Makes a [`Policy`], from [`Policy::builder`]. Options not set have the defaults of `OPTIONS.md`.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct PolicyBuilder {
    name: Name,
    patch: Patch,
    notify: Option<fn(&Retrying<'_>)>,
    registry: Option<Registry>,
    faults: Vec<String>,
}

impl PolicyBuilder {
    fn checked(&mut self, name: &str) -> Option<Name> {
        Name::new(name)
            .map_err(|wrong| self.faults.push(wrong))
            .ok()
    }

    /// Guards the call with the breaker of this name.
    pub fn breaker(
        mut self,
        name: &str,
        options: impl FnOnce(BreakerPatch) -> BreakerPatch,
    ) -> Self {
        let mut patch = options(BreakerPatch::default());
        patch.name = self.checked(name);
        self.patch.breaker.merge(&Some(patch));
        self
    }

    /// Tries again.
    pub fn retry(mut self, options: impl FnOnce(RetryPatch) -> RetryPatch) -> Self {
        self.patch
            .retry
            .merge(&Some(options(RetryPatch::default())));
        self
    }

    /// Limits the call with the rate limit of this name.
    pub fn rate_limit(
        mut self,
        name: &str,
        options: impl FnOnce(RateLimitPatch) -> RateLimitPatch,
    ) -> Self {
        let mut patch = options(RateLimitPatch::default());
        patch.name = self.checked(name);
        self.patch.rate_limit.merge(&Some(patch));
        self
    }

    /// Limits the call with the bulkhead of this name.
    pub fn bulkhead(
        mut self,
        name: &str,
        options: impl FnOnce(BulkheadPatch) -> BulkheadPatch,
    ) -> Self {
        let mut patch = options(BulkheadPatch::default());
        patch.name = self.checked(name);
        self.patch.bulkhead.merge(&Some(patch));
        self
    }

    /// Limit of each attempt.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.patch.call.timeout = Some(limit);
        self
    }

    /// Limit of the whole call.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.patch.call.deadline = Some(limit);
        self
    }

    /// Is told of each retry, before its pause.
    pub fn notify(mut self, notify: fn(&Retrying<'_>)) -> Self {
        self.notify = Some(notify);
        self
    }

    /// The registry whose breakers, limits and bulkheads it uses, instead of the current one.
    pub fn registry(mut self, registry: &Registry) -> Self {
        self.registry = Some(registry.clone());
        self
    }

    /// The policy.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once: names, values out of range, options that contradict each
    /// other, and named policies that the code or an earlier policy defines otherwise.
    pub fn build(mut self) -> Result<Policy, PolicyError> {
        let mut faults = std::mem::take(&mut self.faults);
        faults.extend(not_served(&self.patch));
        faults.extend(out_of_range(&self.patch));
        let broken = validate(&self.patch, Flavor::Async).into_iter();
        faults.extend(broken.map(|Fault { message, .. }| message));
        let registry = self.registry.unwrap_or_else(Registry::current);
        if faults.is_empty() {
            faults = registry.define(self.name, &self.patch);
        }
        if !faults.is_empty() {
            return Err(PolicyError {
                name: self.name,
                faults,
            });
        }
        let resolved = Resolved::new(self.name, self.patch, self.notify, &registry);
        Ok(Policy(Arc::new(resolved)))
    }
}

/// Options that nothing serves yet, or that only code in an attribute can hold.
fn not_served(patch: &Patch) -> impl Iterator<Item = String> {
    let settings = patch.settings().into_iter();
    settings.filter_map(|setting| {
        let option = POLICIES.iter().flat_map(|policy| policy.options);
        let option = option
            .into_iter()
            .find(|option| option.path == setting.path)?;
        if option.served == Served::Later {
            return Some(format!("`{}` is not available yet", option.path));
        }
        let code = option.kind.parse.is_none();
        code.then(|| format!("`{}` belongs to the attribute; leave it out", option.path))
    })
}

/// What a parser would not have let through.
fn out_of_range(patch: &Patch) -> impl Iterator<Item = String> {
    patch
        .settings()
        .into_iter()
        .filter_map(|setting| setting.out_of_range())
}

/// Why a [`Policy`] can't be made: every fault, one a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy {name:?} can't be made: {}", faults.join("; "))]
pub struct PolicyError {
    name: Name,
    faults: Vec<String>,
}

impl PolicyError {
    /// The faults, each with what to write instead.
    pub fn faults(&self) -> impl Iterator<Item = &str> {
        self.faults.iter().map(String::as_str)
    }
}
