//! Policies without the attribute.

mod build;
mod made;

use std::error::Error as StdError;
use std::fmt::{self, Display};
use std::ops::ControlFlow;
use std::sync::Arc;

use steadfast_options::Name;

pub use build::{PolicyBuilder, PolicyError};
pub(crate) use made::{AllMade, Made};

use crate::__private::probe::Takes;
use crate::call::{Attempt, Call, View, by};
use crate::classify::{Class, Classify};
use crate::config::SetValue;
use crate::conflict::Place;
use crate::policy::CallCounts;
#[cfg(feature = "tower")]
use crate::policy::Resolved;
use crate::rejection::Rejection;
use crate::sites::PolicyInfo;

/// A policy made by hand, for calls that no attribute fits: closures, generic clients, middleware.
///
/// It holds to the same rules and the same order as `#[resilient]`, and shares breakers, limits and
/// bulkheads by name with annotated functions. It belongs to the registry that it was built in,
/// wherever it is called. A clone is the same policy.
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
///
/// What belongs to an annotated function's arguments stands around the call instead: keys are
/// those of [`RateLimit::acquire_for`](crate::RateLimit::acquire_for) and
/// [`Breaker::for_key`](crate::Breaker::for_key), and a fallback is an `or_else` on the result.
#[derive(Clone)]
pub struct Policy(Arc<Made>);

impl Policy {
    /// Begins a policy for calls of this name: 1 to 128 letters, digits and `.`, `_`, `:`, `-`. A
    /// name that is none is reported by [`build`](PolicyBuilder::build).
    #[track_caller]
    pub fn builder(name: &str) -> PolicyBuilder {
        let caller = std::panic::Location::caller();
        let (file, line) = (caller.file(), caller.line());
        PolicyBuilder::new(name, Place { file, line })
    }

    /// The call's name.
    #[must_use]
    pub fn name(&self) -> Name {
        self.0.policy().name
    }

    /// The options that were set, and the worst case they come to.
    #[must_use]
    pub fn info(&self) -> PolicyInfo {
        PolicyInfo::of(&self.0.in_force())
    }

    /// Every option of the call and of the policies it names, with its value and the layer that set
    /// it.
    #[must_use]
    pub fn values(&self) -> Vec<SetValue> {
        self.0.registry.values_of_call(&self.0.declared())
    }

    /// How the calls under this policy ended so far, those of its clones included.
    #[must_use]
    pub fn calls(&self) -> CallCounts {
        self.0.policy().counts()
    }

    /// Makes a call: runs `body` once for each attempt.
    ///
    /// Runs on a tokio runtime with its time enabled, where anything is to be waited for: a body
    /// that is pending under a limit, a pause, a turn.
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
        E: From<Rejection> + Classify + StdError + 'static,
    {
        self.run(body, view).await
    }

    /// As [`call`](Self::call), for errors that do not say their class themselves: `classify` does,
    /// and has the last word.
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
        let (mut call, look) = (self.begin(), by(view));
        loop {
            let attempt = Attempt {
                call: &mut call,
                body: async { body().await },
                look: &look,
                refuse: Takes,
            };
            if let ControlFlow::Break(result) = attempt.await {
                return result;
            }
        }
    }

    /// Makes a sync call: runs `body` once for each attempt. Waits and pauses park the thread, so
    /// it has no place in async code.
    ///
    /// Nothing can cut a running body. The deadline is checked between attempts; a body that must
    /// keep to the `timeout` of the policy asks [`current().time_left()`](crate::Current::time_left).
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    pub fn call_blocking<T, E>(&self, body: impl FnMut() -> Result<T, E>) -> Result<T, E>
    where
        E: From<Rejection> + Classify + StdError + 'static,
    {
        self.run_blocking(body, view)
    }

    /// As [`call_blocking`](Self::call_blocking), for errors that do not say their class
    /// themselves: `classify` does, and has the last word.
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
        let (mut call, look) = (self.begin(), by(view));
        loop {
            if let ControlFlow::Break(result) = call.attempt_blocking(&mut body, &look, Takes) {
                return result;
            }
        }
    }

    pub(crate) fn begin(&self) -> Call<'_> {
        Call::new(self.0.policy())
    }

    #[cfg(feature = "tower")]
    pub(crate) fn resolved(&self) -> &Resolved {
        self.0.policy()
    }
}

/// An error that says its class, and in whose chain a limit of ours may stand.
fn view<E: Classify + StdError + 'static>(error: &mut E, ran: u32) -> View<'_> {
    error.note_attempts(ran);
    View::in_chain(error.classify(), error, error)
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.name())
            .field("options", &self.info())
            .finish()
    }
}
