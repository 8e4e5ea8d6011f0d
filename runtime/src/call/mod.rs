//! One call: the order of its policies, and what happens between attempts.
//!
//! `fallback( deadline( guards at "call" ( retry( guards at "attempt" ( timeout( body ))))))`.
//! Nothing here is generic over the body or its types; what is, is in [`attempt`] and
//! [`blocking`], and small.

mod attempt;
mod blocking;
#[cfg(feature = "testing")]
mod fault;
#[cfg(not(feature = "testing"))]
#[path = "no_fault.rs"]
mod fault;
mod timer;

use std::fmt::Display;
use std::time::Duration;

use steadfast_options::{FallbackOn, Guards};

pub(crate) use attempt::Refuse;
pub use attempt::{Attempt, Once};

use crate::breaker::{Nanos, Pass, nanos};
use crate::classify::Class;
use crate::clock;
use crate::policy::{Ended, PolicyRef};
use crate::rejection::Rejection;
use crate::retry::{RetryPolicy, Retrying};
use crate::telemetry::{Event, report};
use timer::Timer;

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

/// What comes after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// The result stands.
    Return,
    /// Another attempt, after this pause.
    Retry(Duration),
}

/// A call under way.
#[doc(hidden)]
pub struct Call {
    policy: PolicyRef,
    attempts: u32,
    /// Those among them that never ran, since a guard refused them.
    refused: u32,
    /// Whether the body is running: if the call is dropped then, it panicked.
    running: bool,
    ended: Ended,
    pass: Option<Pass>,
    /// When the body started, where the breaker times it.
    started: Nanos,
    deadline_at: Nanos,
    previous_pause: Duration,
    timer: Timer,
    #[cfg(feature = "testing")]
    fault: fault::Injected,
}

const NO_DEADLINE: Nanos = Nanos::MAX;

impl Call {
    #[inline]
    pub(crate) fn new(policy: PolicyRef) -> Self {
        Self {
            policy,
            attempts: 0,
            refused: 0,
            running: false,
            ended: Ended::Ok,
            pass: None,
            started: 0,
            deadline_at: NO_DEADLINE,
            previous_pause: Duration::ZERO,
            timer: Timer::default(),
            #[cfg(feature = "testing")]
            fault: fault::Injected::default(),
        }
    }

    /// Passes the guards of the next attempt.
    #[inline]
    fn begin(&mut self) -> Result<(), Rejection> {
        self.attempts = self.attempts.saturating_add(1);
        if self.attempts == 1
            && let Some(deadline) = self.policy.deadline
        {
            self.deadline_at = clock::start_of(deadline).saturating_add(nanos(deadline));
        }
        if let Some(guard) = &self.policy.breaker
            && (guard.guards == Guards::Attempt || self.attempts == 1)
        {
            self.pass = Some(guard.breaker.pass()?);
            self.started = guard.breaker.started();
        }
        self.plan_fault();
        Ok(())
    }

    /// The body gave a value.
    #[inline]
    fn succeeded(&mut self) {
        if let (Some(pass), Some(guard)) = (self.pass.take(), &self.policy.breaker) {
            guard.breaker.succeeded(pass, self.started);
        }
        self.policy.count(Ended::Ok);
        if self.attempts > 1 {
            report(&Event::Recovered {
                call: self.policy.name,
                attempts: self.attempts,
            });
        }
    }

    /// The body gave an error.
    #[inline(never)]
    fn failed(&mut self, view: &View<'_>) -> Verdict {
        if self.guards_each_attempt() {
            self.settle(view.class, view.counted);
        }
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
        self.running = false;
        self.report_rejection(rejection);
        if self.guards_each_attempt() {
            self.settle(Class::Timeout, true);
        }
        let verdict = match rejection {
            Rejection::Timeout { .. } => self.after(&View::new(Class::Timeout, rejection)),
            _ => Verdict::Return,
        };
        if verdict == Verdict::Return {
            self.settle(Class::Timeout, true);
            self.end(Ended::Timeout);
        }
        verdict
    }

    /// A guard refused the attempt.
    #[inline(never)]
    fn refused(&mut self, rejection: &Rejection) -> Verdict {
        self.refused += 1;
        self.report_rejection(rejection);
        let verdict = match &self.policy.retry {
            Some(retry) if retry.covers_rejections() && self.guards_each_attempt() => {
                let pause = self.policy.random(|rng| {
                    retry.pause_after(rejection, self.attempts, self.previous(retry), rng)
                });
                self.pause(
                    retry.max,
                    pause,
                    &View::new(Class::of_nested(rejection), rejection),
                )
            }
            _ => Verdict::Return,
        };
        self.note_pause(verdict);
        if verdict == Verdict::Return {
            self.drop_pass();
            self.end(Ended::Rejected);
        }
        verdict
    }

    fn guards_each_attempt(&self) -> bool {
        self.policy
            .breaker
            .as_ref()
            .is_none_or(|guard| guard.guards == Guards::Attempt)
    }

    /// Tells the breaker how what it let pass has ended.
    fn settle(&mut self, class: Class, counted: bool) {
        let (Some(pass), Some(guard)) = (self.pass.take(), &self.policy.breaker) else {
            return;
        };
        if class == Class::Ignored || !counted {
            guard.breaker.cancelled(pass);
        } else if class.is_in(guard.counts) {
            guard.breaker.failed(pass, self.started);
        } else {
            guard.breaker.succeeded(pass, self.started);
        }
    }

    fn end(&mut self, ended: Ended) {
        self.ended = ended;
        self.policy.count(ended);
    }

    fn report_rejection(&self, rejection: &Rejection) {
        report(&Event::Rejected {
            call: self.policy.name,
            rejection,
        });
    }

    /// Whether an attempt that failed so is followed by another.
    fn after(&mut self, view: &View<'_>) -> Verdict {
        let Some(retry) = self
            .policy
            .retry
            .as_ref()
            .filter(|retry| retry.covers(view.class))
        else {
            return Verdict::Return;
        };
        let pause = self
            .policy
            .random(|rng| retry.pause(self.attempts, self.previous(retry), view.class, rng));
        let verdict = self.pause(retry.max, pause, view);
        self.note_pause(verdict);
        verdict
    }

    fn previous(&self, retry: &RetryPolicy) -> Duration {
        if self.attempts == 1 {
            retry.first_pause()
        } else {
            self.previous_pause
        }
    }

    /// The pause, where attempts are left and it ends before the deadline.
    fn pause(&self, max: u32, pause: Option<Duration>, view: &View<'_>) -> Verdict {
        let (call, attempts) = (self.policy.name, self.attempts);
        let View {
            class, text: error, ..
        } = *view;
        if attempts >= max {
            if max > 1 {
                report(&Event::Exhausted {
                    call,
                    attempts,
                    class,
                    error,
                });
            }
            return Verdict::Return;
        }
        let in_time = |pause: &Duration| {
            self.deadline_at == NO_DEADLINE
                || clock::precise().saturating_add(nanos(*pause)) < self.deadline_at
        };
        let Some(delay) = pause.filter(in_time) else {
            return Verdict::Return;
        };
        if let Some(notify) = self.policy.notify {
            notify(&Retrying::new(attempts, delay, class, error));
        }
        report(&Event::Retry {
            call,
            attempt: attempts,
            delay,
            class,
            error,
        });
        Verdict::Retry(delay)
    }

    fn note_pause(&mut self, verdict: Verdict) {
        if let Verdict::Retry(pause) = verdict {
            self.previous_pause = pause;
        }
    }

    /// Whether the fallback answers for how the call ended. Says so to telemetry.
    pub fn wants_fallback(&mut self) -> bool {
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

    #[cold]
    fn drop_pass(&mut self) {
        let (Some(pass), Some(guard)) = (self.pass.take(), &self.policy.breaker) else {
            return;
        };
        if self.running {
            guard.breaker.failed(pass, self.started);
        } else {
            guard.breaker.cancelled(pass);
        }
    }
}

impl Drop for Call {
    /// A call that is dropped by its caller counts as nothing; one that panics is a failure.
    #[inline]
    fn drop(&mut self) {
        if self.pass.is_some() {
            self.drop_pass();
        }
    }
}
