//! The one timer of a call: made when something has to be waited for, and used again.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::{Call, Verdict};
use crate::breaker::{Nanos, nanos};
use crate::clock;
use crate::rejection::Rejection;

#[derive(Default)]
pub(super) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: Armed,
}

/// What the timer runs for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Armed {
    #[default]
    Nothing,
    Timeout(Duration),
    Deadline,
    /// A pause, or a turn at a guard.
    Wait,
}

impl Timer {
    fn arm(&mut self, what: Armed, time: Duration) {
        self.armed = what;
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(Instant::now() + time),
            None => self.sleep = Some(Box::pin(tokio::time::sleep(time))),
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().poll(context),
            None => Poll::Ready(()),
        }
    }
}

impl Call {
    /// Called while the body is pending: what cuts it now, if anything.
    #[inline]
    pub(super) fn poll_limits(&mut self, context: &mut Context<'_>) -> Poll<Rejection> {
        if self.policy.timeout.is_none() && self.deadline.is_none() {
            return Poll::Pending;
        }
        self.poll_timer(context)
    }

    #[inline(never)]
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<Rejection> {
        if self.timer.armed == Armed::Nothing {
            self.arm_limits();
        }
        if self.timer.poll(context).is_pending() {
            return Poll::Pending;
        }
        match std::mem::take(&mut self.timer.armed) {
            Armed::Timeout(limit) => Poll::Ready(Rejection::Timeout { limit }),
            Armed::Deadline => Poll::Ready(self.deadline.rejection()),
            Armed::Nothing | Armed::Wait => Poll::Pending,
        }
    }

    /// The smaller limit names the error. The body now knows when its attempt ends.
    fn arm_limits(&mut self) {
        let left = self.deadline.left();
        match (self.policy.timeout, left) {
            (Some(timeout), left) if left.is_none_or(|left| timeout <= left) => {
                self.timer.arm(Armed::Timeout(timeout), timeout);
                self.around.ends_at = clock::precise().saturating_add(nanos(timeout));
                self.around.limit = timeout;
            }
            (_, Some(left)) => self.timer.arm(Armed::Deadline, left),
            (_, None) => {}
        }
        self.around.timeout = None;
    }

    pub(super) fn start_pause(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Retry(pause) if pause > Duration::ZERO => self.timer.arm(Armed::Wait, pause),
            _ => self.disarm(),
        }
    }

    /// Pending until `at`; the context's waker may wake sooner.
    pub(super) fn poll_wait(&mut self, at: Option<Nanos>, context: &mut Context<'_>) -> Poll<()> {
        let Some(at) = at else { return Poll::Pending };
        self.timer
            .arm(Armed::Wait, clock::left(at).unwrap_or_default());
        self.poll_pause(context)
    }

    pub(super) fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.timer.armed == Armed::Wait {
            std::task::ready!(self.timer.poll(context));
        }
        self.timer.armed = Armed::Nothing;
        Poll::Ready(())
    }

    /// The limits of one attempt are not those of the next.
    pub(super) fn disarm(&mut self) {
        self.timer.armed = Armed::Nothing;
    }
}
