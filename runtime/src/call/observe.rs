//! What only observes: guards that say what they would have refused, and limits that say what they
//! would have cut. All of it is out of the way of calls that enforce.

use std::task::Waker;
use std::time::Duration;

use steadfast_options::{Guards, Mode};

use super::Call;
use super::guards::Passed;
use super::rest::Armed;
use crate::deadline::Deadline;
use crate::policy::{BulkheadGuard, LimitGuard};
use crate::rejection::Rejection;

/// What was told so far, since each limit is told of once.
#[derive(Default)]
pub(super) struct Observed {
    /// When the call would end.
    ends: Option<Deadline>,
    told_of_end: bool,
    /// The last attempt whose timeout was told of.
    told_of_attempt: u32,
}

impl Call<'_> {
    /// As `pass_guards`, where some guards or limits only observe.
    #[cold]
    #[inline(never)]
    pub(super) fn pass_observed_guards(&mut self, waker: &Waker) -> Passed {
        self.begin_observing();
        loop {
            if self.policy.has_queues
                && let Err(held) = self.pass_queues(waker)
            {
                return held.into();
            }
            if let Err(rejection) = self.pass_breaker() {
                if self.observes_breaker() {
                    self.pass = self
                        .breaker()
                        .and_then(|breaker| breaker.pass_or_ask().ok());
                    self.policy.would_reject(&rejection);
                } else if let Err(held) = self.without_pass(rejection, waker) {
                    return held.into();
                }
            }
            if self.level == Guards::Attempt {
                return Passed::All;
            }
            self.level = Guards::Attempt;
        }
    }

    fn observes_breaker(&self) -> bool {
        let breaker = self.policy.breaker.as_ref();
        breaker.is_some_and(|guard| guard.mode == Mode::Observe)
    }

    /// Begins the deadline that the call would have, once.
    fn begin_observing(&mut self) {
        let limit = self.policy.observed.and_then(|limits| limits.deadline);
        if let Some(limit) = limit {
            let ends = &mut self.rest().observed.ends;
            ends.get_or_insert_with(|| Deadline::of_call(limit));
        }
    }

    /// Takes a token where there is one, and none where there would be a wait.
    #[cold]
    #[inline(never)]
    pub(super) fn observe_limit(&mut self, guard: &LimitGuard) {
        let taken = guard.limit.take(self.limit_of);
        if let Err(time) = taken
            && time > self.before_deadline(guard.wait)
        {
            self.policy.would_reject(&guard.limit.rejection(time));
        }
        let more = self.more();
        (more.token, more.without_token) = (taken.ok(), true);
    }

    /// Takes a place where there is one. Whether a turn would have come in time is not known.
    #[cold]
    #[inline(never)]
    pub(super) fn observe_bulkhead(&mut self, guard: &BulkheadGuard) {
        let places = &guard.bulkhead.0;
        self.placed = places.try_take();
        if !self.placed && (guard.wait.is_zero() || places.is_queue_full()) {
            self.policy.would_reject(&places.rejection());
        }
    }

    /// Arms the timer for the limit that would cut next, unless one that does cut comes before it.
    #[cold]
    #[inline(never)]
    pub(super) fn arm_observed(&mut self) -> bool {
        let attempt = self.around.attempt;
        let Some(observed) = self.policy.observed else {
            return false;
        };
        let told = &*self.rest().observed;
        if told.told_of_end {
            return false; // nothing would have come after that
        }
        let ends = told.ends.and_then(|ends| ends.left());
        let timeout = observed.timeout.filter(|_| told.told_of_attempt < attempt);
        let (what, time) = match (timeout, ends) {
            (Some(timeout), left) if left.is_none_or(|left| timeout <= left) => {
                (Armed::WouldTimeout(timeout), timeout)
            }
            (_, Some(left)) => (Armed::WouldEnd, left),
            (_, None) => return false,
        };
        let cut = self.around.deadline().left();
        if cut.is_some_and(|cut| cut < time) {
            return false;
        }
        self.rest().arm(what, time);
        true
    }

    /// The limit that the timer ran for has come.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_of_the_limit(&mut self) {
        let attempt = self.around.attempt;
        let deadline = self.policy.observed.and_then(|limits| limits.deadline);
        let armed = self.armed();
        let rest = self.rest();
        let rejection = match armed {
            Armed::WouldTimeout(limit) => {
                rest.observed.told_of_attempt = attempt;
                Rejection::Timeout { limit }
            }
            _ => {
                rest.observed.told_of_end = true;
                let limit = deadline.unwrap_or(Duration::ZERO);
                Rejection::DeadlineExceeded { limit }
            }
        };
        *rest.armed = Armed::Nothing;
        self.policy.would_reject(&rejection);
    }
}
