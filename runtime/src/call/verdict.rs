//! Whether another attempt follows, and after which pause.

use std::time::Duration;

use steadfast_options::Guards;

use super::{Call, View};
use crate::classify::Class;
use crate::rejection::Rejection;
use crate::retry::{RetryPolicy, Retrying};
use crate::telemetry::{Event, report};

/// What comes after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The result stands.
    Return,
    /// Another attempt, after this pause.
    Retry(Duration),
}

impl Call<'_> {
    /// Whether an attempt whose body failed so is followed by another.
    #[inline]
    pub(super) fn after(&mut self, view: &View<'_>) -> Verdict {
        match &self.policy.retry {
            Some(retry) if retry.covers(view.class) => self.after_covered(retry, view),
            _ => Verdict::Return,
        }
    }

    #[inline(never)]
    fn after_covered(&mut self, retry: &RetryPolicy, view: &View<'_>) -> Verdict {
        let policy = self.policy;
        let pause = policy
            .random(|rng| retry.pause(self.around.attempt, self.previous(retry), view.class, rng));
        self.decide(retry, pause, view)
    }

    /// Whether an attempt that a guard at `level` refused is followed by another.
    pub(super) fn after_refusal(&mut self, rejection: &Rejection, level: Guards) -> Verdict {
        let policy = self.policy;
        let late = matches!(rejection, Rejection::DeadlineExceeded { .. });
        let Some(retry) = policy
            .retry
            .as_ref()
            .filter(|retry| retry.covers_rejections())
        else {
            return Verdict::Return;
        };
        if late || level == Guards::Call {
            return Verdict::Return;
        }
        let pause = policy.random(|rng| {
            retry.pause_after(rejection, self.around.attempt, self.previous(retry), rng)
        });
        self.decide(
            retry,
            pause,
            &View::new(Class::of_nested(rejection), rejection),
        )
    }

    fn previous(&self, retry: &RetryPolicy) -> Duration {
        if self.around.attempt == 1 {
            retry.first_pause()
        } else {
            self.previous_pause()
        }
    }

    /// The pause, where attempts are left, it ends before the deadline, and the budget allows it.
    fn decide(&mut self, retry: &RetryPolicy, pause: Option<Duration>, view: &View<'_>) -> Verdict {
        let (call, attempts, lines) = (self.policy.name, self.around.attempt, &*self.policy.lines);
        let View {
            class, text: error, ..
        } = *view;
        if attempts >= retry.max {
            if retry.max > 1 {
                report(&Event::Exhausted {
                    call,
                    attempts,
                    class,
                    error,
                    lines,
                });
            }
            return Verdict::Return;
        }
        if self.last {
            return Verdict::Return;
        }
        let Some(delay) = pause.filter(|pause| !self.around.deadline().outlasted_by(*pause)) else {
            return Verdict::Return;
        };
        if retry.budget.as_ref().is_some_and(|budget| !budget.allows()) {
            report(&Event::BudgetSpent {
                call,
                attempts,
                class,
                error,
                lines,
            });
            return Verdict::Return;
        }
        if let Some(notify) = self.policy.notify {
            notify(&Retrying::new(attempts, delay, class, error));
        }
        report(&Event::Retry {
            call,
            attempt: attempts,
            delay,
            class,
            error,
            lines,
        });
        *self.rest().previous_pause = delay;
        Verdict::Retry(delay)
    }
}
