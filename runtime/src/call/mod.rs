//! One call: the order of its policies, and what happens between attempts.
//!
//! `fallback( deadline( guards at "call" ( retry( guards at "attempt" ( timeout( body ))))))`.
//! Nothing here is generic over the body or its types; what is, is in [`body`] and where [`attempt`]
//! and [`blocking`] begin, and small: it is compiled once for each annotated function.

mod at_once;
mod attempt;
mod begin;
mod blocking;
mod body;
mod ends;
#[cfg(feature = "testing")]
mod fault;
#[cfg(not(feature = "testing"))]
#[path = "no_fault.rs"]
mod fault;
mod future;
mod guards;
mod held;
mod lazy;
mod leaving;
mod observe;
mod remade;
mod rest;
mod shared;
#[cfg(test)]
mod test_bodies;
mod timer;
#[cfg(feature = "tracing")]
mod trace;
#[cfg(not(feature = "tracing"))]
#[path = "no_trace.rs"]
mod trace;
mod verdict;
mod view;

use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::Arc;

use steadfast_options::{FallbackOn, Guards};

pub use at_once::Refusal;
pub use attempt::{Attempt, no_retry};
pub use body::Refuse;
pub(crate) use trace::listen as listen_for_spans;
pub(crate) use view::by;
pub use view::{Look, View};

use crate::answers::LastGood;
use crate::breaker::{Breaker, Nanos, Pass};
use crate::current::{self, Around};
use crate::deadline::Deadline;
use crate::policy::Resolved;
use crate::rate_limit::{Source, Token, Whose};
use crate::rejection::Rejection;
use crate::scoped;
use crate::tally::Ended;
use guards::BreakerOf;
use rest::Rest;
use verdict::Verdict;

/// A call: what it remembers from one poll to the next, and from attempt to attempt.
///
/// Made in place for each call, with one store for a field or a few: what many calls never need is
/// in [`More`], and what few need in [`Rest`].
///
/// In this order, and eight small ones together, so that those are made with one aligned store: a load
/// of one of them from a store across two words would wait for that.
#[doc(hidden)]
#[repr(C)]
pub struct Call<'p> {
    policy: &'p Resolved,
    /// What the body can know of the call; the number of the attempt among it.
    around: Around,
    pass: Option<Pass>,
    stage: Stage,
    /// Where the guards of the attempt under way are.
    level: Guards,
    placed: bool,
    /// Whether it has a span.
    #[cfg(feature = "tracing")]
    traced: bool,
    /// Whether no attempt may follow.
    last: bool,
    /// Whether it may hold what has to be given back: a pass, a place, a token, its policy, or anything
    /// in `more`.
    holds: bool,
    ended: Ended,
    filler: [u8; FILL],
    /// For how long a guard refuses that did so at once.
    refused_for: Nanos,
    /// Whose tokens it takes, where a key tells them apart.
    limit_of: Whose,
    /// The policy, where it is not for ever: dropped with the call, after all else.
    kept: ManuallyDrop<Option<Arc<Resolved>>>,
    /// Emptied where the call is dropped, if it holds anything.
    more: ManuallyDrop<Option<More>>,
}

/// What the small ones are short of a word.
const FILL: usize = 2 - cfg!(feature = "tracing") as usize;

/// What calls with queues, pauses, breakers by key, slow calls or time limits need.
struct More {
    /// When the body started, where the breaker times it.
    started: Nanos,
    /// A token that is given back unless the body runs.
    token: Option<Token>,
    /// Where its tokens are, of a shared limit with keys.
    source: Option<Source>,
    /// Whether a limit that only observes has let it pass, with a token or without.
    without_token: bool,
    /// Whose breaker, where a key tells them apart.
    breaker_of: BreakerOf,
    /// What it is refused with, where that is made already.
    rejection: Option<Rejection>,
    rest: Option<Pin<Box<Rest>>>,
    #[cfg(feature = "tracing")]
    trace: Option<trace::Trace>,
    #[cfg(feature = "testing")]
    fault: fault::Injected,
}

impl More {
    fn new() -> Self {
        Self {
            started: 0,
            token: None,
            source: None,
            without_token: false,
            breaker_of: BreakerOf::Policy,
            rejection: None,
            rest: None,
            #[cfg(feature = "tracing")]
            trace: None,
            #[cfg(feature = "testing")]
            fault: fault::Injected::default(),
        }
    }
}

/// Where an attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The first one has not begun.
    First,
    /// A later one has not begun.
    Next,
    Guards,
    /// The body is running now: if the call is dropped, it panicked.
    Running,
    /// The body is pending.
    Body,
    Pause,
}

impl Call<'_> {
    fn more(&mut self) -> &mut More {
        self.holds = true;
        self.more.get_or_insert_with(More::new)
    }

    /// Whether the retry allows an attempt after the next.
    #[cfg(feature = "tower")]
    pub(crate) fn may_go_on(&self) -> bool {
        let retry = self.policy.retry.as_ref();
        retry.is_some_and(|retry| self.around.attempt.saturating_add(1) < retry.max)
    }

    /// Whatever the retry says: what another attempt would need is gone.
    #[cfg(feature = "tower")]
    pub(crate) fn make_the_next_the_last(&mut self) {
        self.last = true;
    }

    /// Begins the next attempt, at its guards.
    fn begin(&mut self) {
        if self.stage == Stage::First {
            self.level = self.policy.first_level;
            self.begin_trace();
            self.begin_call();
            if let Some(outer) = current::deadline_around() {
                let ends = self.around.ends_mut();
                ends.call = ends.call.or_outer(outer);
            }
        }
        self.stage = Stage::Guards;
        self.holds = true;
        self.around.attempt = self.around.attempt.saturating_add(1);
    }

    /// Starts the call's own deadline, and counts the call in the budget of its retries.
    #[inline]
    fn begin_call(&mut self) {
        if let Some(limit) = self.policy.deadline {
            self.around.ends_mut().call = Deadline::of_call(limit);
        }
        let retry = self.policy.retry.as_ref();
        if let Some(budget) = retry.and_then(|retry| retry.budget.as_ref()) {
            budget.called();
        }
    }

    /// The guards let the attempt pass; its body comes next.
    fn enter_body(&mut self) {
        self.disarm(); // whatever it waited for: the limits of the body are armed anew
        self.around.lasts = self.policy.lasts;
        self.start_body();
        self.plan_fault();
        if let Some(more) = self.more.as_mut() {
            (more.token, more.without_token) = (None, false); // spent
        }
        self.stage = Stage::Running;
        self.enter_trace();
    }

    /// Notes when the body starts, where the breaker times it.
    #[inline]
    fn start_body(&mut self) {
        let timed = |breaker: &&Breaker| breaker.times_calls();
        if let Some(started) = self.breaker().filter(timed).map(Breaker::started) {
            self.more().started = started;
        }
    }

    #[inline]
    fn holds_token(&self) -> bool {
        let passed = |more: &More| more.token.is_some() || more.without_token;
        self.more.as_ref().is_some_and(passed)
    }

    fn started(&self) -> Nanos {
        self.more.as_ref().map_or(0, |more| more.started)
    }

    /// Runs what polls or calls the body.
    #[inline]
    fn inside<R>(&self, work: impl FnOnce() -> R) -> R {
        scoped::inside(&self.around, work)
    }

    /// As [`inside`](Self::inside), where no call is around this one.
    #[inline]
    fn inside_only<R>(&self, work: impl FnOnce() -> R) -> R {
        scoped::inside_only(&self.around, work)
    }

    /// Whether the fallback answers for how the call ended. Says so to telemetry.
    pub fn wants_fallback(&mut self) -> bool {
        let wants = self.is_for_the_fallback();
        if wants {
            self.report_fallback();
        }
        wants
    }

    /// Whether the call ended as its fallback is there for.
    #[must_use]
    pub fn is_for_the_fallback(&self) -> bool {
        match self.policy.fallback_on {
            Some(FallbackOn::Error) => {
                !matches!(self.ended, Ended::Ok | Ended::Expected | Ended::Ignored)
            }
            Some(FallbackOn::Rejected) => self.ended.is_refused(),
            _ => false,
        }
    }

    pub(crate) fn report_fallback(&self) {
        self.policy.report_fallback();
    }

    /// Whether its body gave a value.
    pub(crate) fn has_succeeded(&self) -> bool {
        self.ended == Ended::Ok
    }

    #[cfg(feature = "redis")]
    pub(crate) fn policy(&self) -> &Resolved {
        self.policy
    }

    #[cfg(feature = "redis")]
    pub(crate) fn idempotency_key(&self) -> current::IdempotencyKey {
        self.around.idempotency_key()
    }

    #[inline]
    pub(crate) fn last_good(&self) -> Option<&LastGood> {
        self.policy.last_good.as_ref()
    }
}

impl Drop for Call<'_> {
    /// A call that is dropped by its caller counts as nothing; one that panics is a failure.
    #[inline]
    fn drop(&mut self) {
        if self.holds {
            self.dropped();
        }
    }
}
