//! One call: the order of its policies, and what happens between attempts.
//!
//! `fallback( deadline( guards at "call" ( retry( guards at "attempt" ( timeout( body ))))))`.
//! Nothing here is generic over the body or its types; what is, is in [`attempt`] and
//! [`blocking`], and small.

mod attempt;
mod blocking;
mod entry;
#[cfg(feature = "testing")]
mod fault;
#[cfg(not(feature = "testing"))]
#[path = "no_fault.rs"]
mod fault;
mod guards;
mod rest;
mod timer;
mod verdict;

use std::error::Error;
use std::fmt::Display;
use std::pin::Pin;

use steadfast_options::{FallbackOn, Guards};

pub(crate) use attempt::Refuse;
pub use attempt::{Attempt, Once};

use crate::breaker::{Nanos, Pass};
use crate::classify::{Class, is_own_limit};
use crate::current::{self, Around};
use crate::deadline::Deadline;
use crate::policy::{Ended, Resolved};
use crate::rate_limit::Token;
use crate::rejection::Rejection;
use crate::telemetry::{Event, report};
use entry::Entry;
use rest::Rest;
use verdict::Verdict;

/// What a failed attempt's error is to the policies.
#[doc(hidden)]
pub struct View<'a> {
    pub(crate) class: Class,
    pub(crate) text: &'a dyn Display,
    /// Whether a breaker counts it: not where a limit of ours, in a call inside, said no.
    pub(crate) counted: bool,
}

impl<'a> View<'a> {
    pub(crate) fn new(class: Class, text: &'a dyn Display) -> Self {
        Self {
            class,
            text,
            counted: true,
        }
    }

    /// Of an error in whose chain a limit of ours may stand.
    pub(crate) fn in_chain(
        class: Class,
        chain: &(dyn Error + 'static),
        text: &'a dyn Display,
    ) -> Self {
        Self {
            counted: !is_own_limit(chain),
            ..Self::new(class, text)
        }
    }

    /// The class that the call's own `classify` function says.
    #[must_use]
    pub fn with_class(self, class: Class) -> Self {
        Self {
            class,
            counted: true,
            ..self
        }
    }
}

/// A call.
///
/// One whose first attempt comes to no more than a closed breaker, and succeeds at once, is an
/// [`Entry`], held in registers. Any other call makes a [`Progress`] of it.
#[doc(hidden)]
pub struct Call<'p> {
    policy: &'p Resolved,
    progress: Option<Progress<'p>>,
}

impl<'p> Call<'p> {
    #[inline]
    pub(crate) fn new(policy: &'p Resolved) -> Self {
        Self {
            policy,
            progress: None,
        }
    }

    fn progress(&mut self) -> &mut Progress<'p> {
        let policy = self.policy;
        self.progress.get_or_insert_with(|| Progress::new(policy))
    }

    /// The entry of the first attempt, where there is nothing else to see to.
    #[inline]
    fn entry(&self) -> Option<Entry<'p>> {
        if self.progress.is_some() {
            return None;
        }
        Entry::of(self.policy)
    }

    /// Whether the fallback answers for how the call ended. Says so to telemetry.
    pub fn wants_fallback(&mut self) -> bool {
        self.progress().wants_fallback()
    }

    /// Whether the retry allows an attempt after the next.
    #[cfg(feature = "tower")]
    pub(crate) fn may_go_on(&mut self) -> bool {
        self.progress().may_go_on()
    }

    /// Whatever the retry says: what another attempt would need is gone.
    #[cfg(feature = "tower")]
    pub(crate) fn make_the_next_the_last(&mut self) {
        self.progress().last = true;
    }
}

/// A call under way: what it remembers from one poll to the next, and from attempt to attempt.
struct Progress<'p> {
    policy: &'p Resolved,
    /// What the body can know of the call; the number of the attempt among it.
    around: Around,
    pass: Option<Pass>,
    /// When the body started, where the breaker times it.
    started: Nanos,
    /// A token that is given back unless the body runs.
    token: Option<Token>,
    placed: bool,
    /// Whether no attempt may follow.
    last: bool,
    /// Whether the body is running: if the call is dropped then, it panicked.
    running: bool,
    ended: Ended,
    /// Where the guards of the attempt under way are.
    level: Guards,
    rest: Option<Pin<Box<Rest>>>,
    #[cfg(feature = "testing")]
    fault: fault::Injected,
}

impl<'p> Progress<'p> {
    /// Before the first attempt.
    fn new(policy: &'p Resolved) -> Self {
        Self {
            around: Around::NOTHING,
            pass: None,
            started: 0,
            token: None,
            placed: false,
            last: false,
            running: false,
            ended: Ended::Ok,
            level: policy.first_level,
            rest: None,
            #[cfg(feature = "testing")]
            fault: fault::Injected::default(),
            policy,
        }
    }

    /// In the first attempt.
    fn entered(entry: Entry<'p>, around: Around) -> Self {
        let mut progress = Self::new(entry.policy);
        progress.around = around;
        progress.pass = entry.pass;
        progress.level = Guards::Attempt;
        progress
    }

    #[cfg(feature = "tower")]
    fn may_go_on(&self) -> bool {
        let retry = self.policy.retry.as_ref();
        retry.is_some_and(|retry| self.around.attempt.saturating_add(1) < retry.max)
    }

    /// Begins the next attempt, at its guards.
    #[inline]
    fn begin(&mut self) {
        self.around.attempt = self.around.attempt.saturating_add(1);
        if self.around.attempt == 1 {
            self.start_deadline();
            if let Some(budget) = self
                .policy
                .retry
                .as_ref()
                .and_then(|retry| retry.budget.as_ref())
            {
                budget.called();
            }
        }
    }

    /// Its own deadline, or that of a call around it, whichever comes first.
    #[inline]
    fn start_deadline(&mut self) {
        if let Some(limit) = self.policy.deadline {
            self.around.deadline = Deadline::of_call(limit);
        }
        if let Some(outer) = current::deadline_around() {
            self.around.deadline = self.around.deadline.or_outer(outer);
        }
    }

    /// The guards let the attempt pass; its body comes next.
    #[inline]
    fn enter_body(&mut self) {
        self.disarm(); // whatever it waited for: the limits of the body are armed anew
        if self.policy.timeout.is_some() {
            self.around.timeout = self.policy.timeout;
        }
        self.plan_fault();
    }

    /// The body gave a value.
    #[inline]
    fn succeeded(&mut self) {
        if let Some(pass) = self.pass.take()
            && let Some(breaker) = self.breaker()
        {
            breaker.succeeded(pass, self.started);
        }
        self.policy.count(Ended::Ok);
        if self.placed {
            self.leave_place();
        }
        if self.around.attempt > 1 {
            report(&Event::Recovered {
                call: self.policy.name,
                attempts: self.around.attempt,
            });
        }
    }

    /// The body gave an error.
    #[inline(never)]
    fn failed(&mut self, view: &View<'_>) -> Verdict {
        self.leave_attempt(view.class, view.counted);
        let verdict = self.after(view);
        if verdict == Verdict::Return {
            self.settle(view.class, view.counted);
            self.end(view.class.into());
        }
        verdict
    }

    /// A limit cut the body, which is gone already.
    #[inline(never)]
    fn cut(&mut self, rejection: &Rejection) -> Verdict {
        self.report_rejection(rejection);
        let by_timeout = matches!(rejection, Rejection::Timeout { .. });
        // A hung dependency must trip the breaker; an impatient call around proves nothing.
        let counted = by_timeout || !self.around.deadline.is_outer();
        self.leave_attempt(Class::Timeout, counted);
        let verdict = if by_timeout {
            self.after(&View::new(Class::Timeout, rejection))
        } else {
            Verdict::Return
        };
        if verdict == Verdict::Return {
            self.settle(Class::Timeout, counted);
            self.end(Ended::Timeout);
        }
        verdict
    }

    /// A guard refused the attempt, or the deadline came while it waited.
    #[inline(never)]
    fn refused(&mut self, rejection: &Rejection) -> Verdict {
        self.report_rejection(rejection);
        let level = self.level;
        self.give_back(level);
        let verdict = self.after_refusal(rejection, level);
        if verdict == Verdict::Return {
            self.abandon();
            let late = matches!(rejection, Rejection::DeadlineExceeded { .. });
            self.end(if late {
                Ended::Timeout
            } else {
                Ended::Rejected
            });
        } else {
            *self.rest().refused += 1;
        }
        verdict
    }

    fn end(&mut self, ended: Ended) {
        self.ended = ended;
        self.policy.count(ended);
        self.leave_place();
    }

    fn report_rejection(&self, rejection: &Rejection) {
        report(&Event::Rejected {
            call: self.policy.name,
            rejection,
        });
    }

    fn wants_fallback(&mut self) -> bool {
        let wants = match self.policy.fallback_on {
            Some(FallbackOn::Error) => {
                !matches!(self.ended, Ended::Ok | Ended::Expected | Ended::Ignored)
            }
            Some(FallbackOn::Rejected) => self.ended == Ended::Rejected,
            _ => false,
        };
        if wants {
            report(&Event::Fallback {
                call: self.policy.name,
            });
        }
        wants
    }
}

impl Drop for Progress<'_> {
    /// A call that is dropped by its caller counts as nothing; one that panics is a failure.
    #[inline]
    fn drop(&mut self) {
        if self.pass.is_some() || self.placed || self.token.is_some() {
            self.abandon();
        }
    }
}
