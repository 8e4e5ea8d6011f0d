//! Whether and when to try again.

mod backoff;
mod budget;

use std::fmt;
use std::time::Duration;

use fastrand::Rng;
use steadfast_options::{Classes, RetryPatch, defaults, retry_cap};

pub use backoff::{Backoff, Delays};
use budget::Budget;

use crate::classify::Class;
use crate::rejection::Rejection;

/// An attempt that failed and will be followed by another, as `retry(notify = …)` sees it.
///
/// ```
/// use steadfast::{Retrying, resilient};
///
/// fn note(retrying: &Retrying<'_>) {
///     eprintln!("attempt {} failed: {}; next in {:?}", retrying.attempt, retrying.error, retrying.delay);
/// }
///
/// #[resilient(retry(max = 2, base = "0s", notify = note))]
/// fn ask() -> std::io::Result<()> { Ok(()) }
/// # ask().unwrap();
/// ```
#[non_exhaustive]
#[derive(Clone, Copy)]
pub struct Retrying<'a> {
    /// The attempt that failed, from 1.
    pub attempt: u32,
    /// The pause before the next.
    pub delay: Duration,
    /// What its error means.
    pub class: Class,
    /// Its error, as text.
    pub error: &'a dyn fmt::Display,
}

impl<'a> Retrying<'a> {
    pub(crate) fn new(
        attempt: u32,
        delay: Duration,
        class: Class,
        error: &'a dyn fmt::Display,
    ) -> Self {
        Self {
            attempt,
            delay,
            class,
            error,
        }
    }
}

impl fmt::Debug for Retrying<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Retrying")
            .field("attempt", &self.attempt)
            .field("delay", &self.delay)
            .field("class", &self.class)
            .field("error", &format_args!("{}", self.error))
            .finish()
    }
}

/// A call's retry, all defaults worked out.
#[derive(Debug)]
pub(crate) struct RetryPolicy {
    pub(crate) max: u32,
    backoff: Backoff,
    on: Classes,
    rate_limited_factor: f64,
    pub(crate) budget: Option<Budget>,
}

impl RetryPolicy {
    pub(crate) fn new(patch: &RetryPatch) -> Self {
        let base = patch.base.unwrap_or(defaults::retry::base);
        let factor = patch.factor.unwrap_or(defaults::retry::factor);
        Self {
            max: patch.max.unwrap_or(defaults::retry::max),
            backoff: Backoff::new(base)
                .factor(factor.get())
                .cap(retry_cap(patch))
                .jitter(patch.jitter.unwrap_or(defaults::retry::jitter)),
            on: patch.on.unwrap_or(defaults::retry::on),
            rate_limited_factor: patch
                .rate_limited_factor
                .unwrap_or(defaults::retry::rate_limited_factor)
                .get(),
            budget: patch.budget.map(|ratio| {
                Budget::new(
                    ratio,
                    patch.budget_min.unwrap_or(defaults::retry::budget_min),
                )
            }),
        }
    }

    /// Goes on with what another policy of the same call has counted.
    pub(crate) fn count_on(&mut self, before: &Self) {
        if let (Some(budget), Some(before)) = (&mut self.budget, &before.budget) {
            budget.count_on(before);
        }
    }

    /// Whether an attempt that ended so is tried again at all.
    pub(crate) fn covers(&self, class: Class) -> bool {
        class.is_in(self.on)
    }

    /// Whether a refusal by a guard is tried again.
    pub(crate) fn covers_rejections(&self) -> bool {
        self.on.contains(Classes::REJECTED)
    }

    /// The pause that "decorrelated" starts from.
    pub(crate) fn first_pause(&self) -> Duration {
        self.backoff.first()
    }

    /// The pause after attempt `attempt`; none where the remote side wants a longer one than the
    /// cap allows.
    pub(crate) fn pause(
        &self,
        attempt: u32,
        previous: Duration,
        class: Class,
        rng: &mut Rng,
    ) -> Option<Duration> {
        match class {
            Class::RateLimited { retry_after } => {
                let pause = self
                    .backoff
                    .pause(attempt, previous, self.rate_limited_factor, rng);
                self.at_least(retry_after, pause)
            }
            _ => Some(self.backoff.pause(attempt, previous, 1.0, rng)),
        }
    }

    /// The pause after an attempt that a guard refused.
    pub(crate) fn pause_after(
        &self,
        rejection: &Rejection,
        attempt: u32,
        previous: Duration,
        rng: &mut Rng,
    ) -> Option<Duration> {
        self.at_least(
            rejection.retry_in(),
            self.backoff.pause(attempt, previous, 1.0, rng),
        )
    }

    fn at_least(&self, wanted: Option<Duration>, pause: Duration) -> Option<Duration> {
        match wanted {
            Some(wanted) if wanted > self.backoff.longest() => None,
            Some(wanted) => Some(pause.max(wanted)),
            None => Some(pause),
        }
    }
}
