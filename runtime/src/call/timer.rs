//! The one timer of a call: made when something has to be waited for, and used again.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::{Call, NO_DEADLINE, Verdict};
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
    Deadline(Duration),
    Pause,
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
        if self.policy.timeout.is_none() && self.deadline_at == NO_DEADLINE {
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
            Armed::Deadline(limit) => Poll::Ready(Rejection::DeadlineExceeded { limit }),
            Armed::Nothing | Armed::Pause => Poll::Pending,
        }
    }

    /// The smaller limit names the error.
    fn arm_limits(&mut self) {
        let left = clock::left(self.deadline_at).unwrap_or_default();
        match (self.policy.timeout, self.policy.deadline) {
            (Some(timeout), Some(deadline)) if left < timeout => {
                self.timer.arm(Armed::Deadline(deadline), left);
            }
            (Some(timeout), _) => self.timer.arm(Armed::Timeout(timeout), timeout),
            (None, Some(deadline)) => self.timer.arm(Armed::Deadline(deadline), left),
            (None, None) => {}
        }
    }

    pub(super) fn start_pause(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::Retry(pause) if pause > Duration::ZERO => self.timer.arm(Armed::Pause, pause),
            _ => {}
        }
    }

    pub(super) fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.timer.armed == Armed::Pause {
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
