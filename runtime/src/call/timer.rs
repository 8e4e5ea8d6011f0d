//! What cuts a body, and the pauses between attempts.

use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::rest::Armed;
use super::{Call, Stage};
use crate::breaker::Nanos;
use crate::clock;
use crate::deadline::Deadline;
use crate::rejection::Rejection;

impl Call<'_> {
    /// Called while the body is pending: whether a limit cuts it now.
    #[inline(never)]
    pub(super) fn is_cut(&mut self, context: &mut Context<'_>) -> bool {
        self.stage = Stage::Body;
        self.leave_trace();
        if !self.policy.watches_time && self.around.ends.is_none() {
            return false;
        }
        self.poll_timer(context).is_ready()
    }

    /// What has cut the body.
    pub(super) fn cut_by(&self) -> Rejection {
        match self.armed() {
            Armed::Timeout(limit) => Rejection::Timeout { limit },
            _ => self.around.deadline().rejection(),
        }
    }

    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.armed() == Armed::Nothing {
                self.arm_limits();
            }
            ready!(self.rest().poll_sleep(context));
            match self.armed() {
                Armed::Timeout(_) | Armed::Deadline => return Poll::Ready(()),
                Armed::WouldTimeout(_) | Armed::WouldEnd => self.tell_of_the_limit(),
                Armed::Nothing | Armed::Wait => return Poll::Pending,
            }
        }
    }

    /// The smaller limit names the error. The body now knows when its attempt ends.
    fn arm_limits(&mut self) {
        if self.policy.observed.is_some() && self.arm_observed() {
            return;
        }
        match (self.policy.timeout, self.around.deadline().left()) {
            (Some(timeout), left) if left.is_none_or(|left| timeout <= left) => {
                let end = self.rest().arm(Armed::Timeout(timeout), timeout);
                self.around.ends_mut().attempt = Deadline::at(end, timeout);
                self.around.lasts = Nanos::MAX;
            }
            (_, Some(left)) => {
                self.rest().arm(Armed::Deadline, left);
            }
            (_, None) => {}
        }
    }

    /// Begins the pause before the next attempt, which waits for its end.
    #[inline(never)]
    pub(super) fn start_pause(&mut self, pause: Duration) {
        self.stage = Stage::Pause;
        if pause > Duration::ZERO {
            self.rest().arm(Armed::Wait, pause);
        } else {
            self.disarm();
        }
    }

    /// Pending until `at`; the context's waker may wake sooner.
    pub(super) fn poll_wait(&mut self, at: Option<Nanos>, context: &mut Context<'_>) -> Poll<()> {
        let Some(at) = at else { return Poll::Pending };
        self.rest()
            .arm(Armed::Wait, clock::left(at).unwrap_or_default());
        self.poll_armed_wait(context)
    }

    pub(super) fn poll_armed_wait(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.armed() == Armed::Wait {
            ready!(self.rest().poll_sleep(context));
            self.disarm();
        }
        Poll::Ready(())
    }
}
