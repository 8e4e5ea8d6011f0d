//! Limits of a call in mode `observe`: they say what they would have cut, and cut nothing.

use std::time::Duration;

use super::Call;
use super::rest::Armed;
use crate::deadline::Deadline;
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
    /// Begins the deadline that the call would have.
    pub(super) fn begin_observing(&mut self) {
        if let Some(observed) = self.policy.observed
            && let Some(limit) = observed.deadline
        {
            self.rest().observed.ends = Some(Deadline::of_call(limit));
        }
    }

    /// Arms the timer for the limit that would cut next, unless one that does cut comes before it.
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
