//! How an attempt ends, and the call with it: what is counted, said, given back, and what comes next.

use std::fmt::Display;

use super::body::End;
use super::verdict::Verdict;
use super::{Call, Stage, View};
use crate::breaker::Pass;
use crate::classify::Class;
use crate::policy::Resolved;
use crate::rejection::Rejection;
use crate::tally::{Ended, Rare};
use crate::telemetry::{Event, Weight, is_heard, report};

impl Resolved {
    /// How a first attempt ends whose body gave a value, where a breaker alone let it pass, and the end
    /// changes nothing but a count.
    #[inline]
    pub(super) fn ends_plainly(&self, pass: Option<Pass>) -> Option<Ended> {
        match (pass, &self.breaker) {
            (None, _) => Some(Ended::OkAlone),
            (Some(pass), Some(guard)) if guard.breaker.is_unmoved_by_success(pass) => {
                Some(Ended::Ok)
            }
            _ => None,
        }
    }
}

impl Call<'_> {
    /// The body gave a value. Of most calls that changes nothing but a count.
    #[inline]
    pub(super) fn succeeded(&mut self) {
        if self.more.is_some() || self.placed || self.around.attempt > 1 {
            return self.succeeded_and_tells();
        }
        self.succeeded_plainly();
    }

    /// The body of the first attempt gave a value, and there is no more than a breaker.
    #[inline]
    pub(super) fn succeeded_plainly(&mut self) {
        let Some(ended) = self.policy.ends_plainly(self.pass) else {
            return self.succeeded_and_tells();
        };
        self.pass = None;
        self.holds = self.kept.is_some();
        self.policy.count(ended);
    }

    #[inline(never)]
    pub(super) fn succeeded_and_tells(&mut self) {
        let ended = match self.pass.take() {
            Some(pass) => {
                if let Some(breaker) = self.breaker() {
                    breaker.succeeded(pass, self.started());
                }
                Ended::Ok
            }
            None => Ended::OkAlone,
        };
        self.policy.count(ended);
        self.trace_success();
        if self.placed {
            self.leave_place();
        }
        if self.around.attempt > 1 {
            self.recovered();
        }
        self.holds = self.more.is_some() || self.kept.is_some();
    }

    #[cold]
    #[inline(never)]
    pub(super) fn recovered(&self) {
        self.policy.tally.retried(Ended::Ok);
        self.policy.tally.took(self.around.attempt);
        report(&Event::Recovered {
            call: self.policy.name,
            attempts: self.around.attempt,
            lines: &self.policy.lines,
        });
    }

    /// What comes after the body's error, which is gone where another attempt does.
    pub(super) fn verdict_on(&mut self, end: &mut dyn End) -> Verdict {
        // A `Classify` that panics is the body's panic too: the stage is still that of a body.
        let verdict = self.judge(&end.view(self.bodies()));
        if verdict != Verdict::Return {
            end.forget();
        }
        verdict
    }

    /// What comes after an error that a test has injected: of the class that it wants.
    pub(super) fn verdict_on_injected(&mut self, rejection: &Rejection) -> Verdict {
        self.judge(&View::new(Class::of_nested(rejection), rejection))
    }

    #[inline(never)]
    pub(super) fn judge(&mut self, view: &View<'_>) -> Verdict {
        self.stage = Stage::Body;
        self.disarm();
        self.attempt_ended(view.class.into(), view.text);
        self.leave_attempt(view);
        let verdict = self.after(view);
        if verdict == Verdict::Return {
            self.settle(view);
            self.end(view.class.into());
            #[cfg(feature = "redis")]
            crate::outbox::inside::note_failure();
        }
        verdict
    }

    /// What comes after a limit cut the body, which is gone already.
    pub(super) fn verdict_on_cut(&mut self, rejection: &Rejection) -> Verdict {
        self.report_rejection(rejection);
        let by_timeout = matches!(rejection, Rejection::Timeout { .. });
        // A hung dependency must trip the breaker; an impatient call around proves nothing.
        let counted = by_timeout || !self.around.deadline().is_outer();
        let view = View {
            counted,
            ..View::new(Class::Timeout, rejection)
        };
        self.policy.tally.rare(Rare::TimedOut);
        self.attempt_ended(Ended::Timeout, rejection);
        self.leave_attempt(&view);
        let verdict = if by_timeout {
            self.after(&view)
        } else {
            Verdict::Return
        };
        if verdict == Verdict::Return {
            self.settle(&view);
            self.end(Ended::Timeout);
        }
        verdict
    }

    /// A guard refused the attempt, or the deadline came while it waited.
    pub(super) fn refused(&mut self, rejection: &Rejection) -> Verdict {
        self.report_rejection(rejection);
        let level = self.level;
        self.give_back(level);
        let verdict = self.after_refusal(rejection, level);
        let ended = Ended::by(rejection);
        self.attempt_ended(ended, rejection);
        if verdict == Verdict::Return {
            self.abandon();
            if ended == Ended::Timeout {
                self.policy.tally.rare(Rare::TimedOut);
            }
            self.end(ended);
        } else {
            self.policy.tally.refused_again(ended);
            *self.rest().refused += 1;
        }
        verdict
    }

    /// Counts how an attempt after the first ended, and notes how any did.
    #[inline]
    pub(super) fn attempt_ended(&mut self, ended: Ended, error: &dyn Display) {
        self.trace_attempt(ended, Some(error));
        if self.around.attempt > 1 {
            self.policy.tally.retried(ended);
        }
    }

    #[inline]
    pub(super) fn end(&mut self, ended: Ended) {
        self.ended = ended;
        self.policy.count(ended);
        if self.around.attempt > 1 {
            self.policy.tally.took(self.around.attempt);
        }
        self.leave_place();
        self.end_trace(ended);
    }

    #[inline]
    pub(super) fn report_rejection(&self, rejection: &Rejection) {
        if !is_heard(Weight::Info) {
            return;
        }
        report(&Event::Rejected {
            call: self.policy.name,
            rejection,
            lines: &self.policy.lines,
        });
    }
}
