//! The short way to the body: a first attempt that every guard lets pass at once.

use super::{Call, Stage, trace};
use crate::policy::Opening;
use crate::rate_limit::Token;
use crate::rejection::Rejection;
use crate::retry::RetryPolicy;
use crate::scoped;
use crate::tally::Ended;

impl Call<'_> {
    /// Lets the body run at once, where nothing but a closed breaker stands before it: the first
    /// attempt of most calls.
    // Called, not written where it is called, since each annotated function does.
    #[inline(never)]
    pub(super) fn enters_at_once(&mut self) -> bool {
        let policy = self.policy;
        if self.stage != Stage::First
            || scoped::is_inside()
            || trace::is_wanted()
            || policy.has_planned_fault()
        {
            return false;
        }
        if policy.opening != Opening::Plain || self.more.is_some() {
            return self.passes_at_once();
        }
        if let Some(guard) = &policy.breaker {
            let Some(pass) = guard.breaker.pass_if_closed() else {
                return false;
            };
            self.pass = Some(pass);
        }
        self.start_at_once();
        true
    }

    #[inline]
    fn start_at_once(&mut self) {
        self.around.attempt = 1;
        self.around.lasts = self.policy.lasts;
        self.stage = Stage::Running;
    }

    /// Refuses the first attempt at once, where an open breaker is all that stands before it and no
    /// other attempt follows a refusal. There is nothing to give back then.
    #[inline]
    pub(super) fn refuses_at_once(&mut self) -> Option<Rejection> {
        let policy = self.policy;
        if self.stage != Stage::First || policy.opening != Opening::Plain || self.more.is_some() {
            return None;
        }
        let guard = policy.breaker.as_ref()?;
        let retry = policy.retry.as_ref();
        if retry.is_some_and(RetryPolicy::covers_rejections) {
            return None;
        }
        let rejection = guard.breaker.refuses_for_a_time()?;
        (self.stage, self.around.attempt) = (Stage::Guards, 1);
        self.report_rejection(&rejection);
        self.end(Ended::CircuitOpen);
        Some(rejection)
    }

    /// Passes all guards if each lets it pass at once; else gives back what it took. The first
    /// attempt of most calls: whoever does not pass goes the long way, which knows why.
    #[inline(never)]
    fn passes_at_once(&mut self) -> bool {
        let policy = self.policy;
        if policy.opening == Opening::Around {
            return false;
        }
        if self.breaker().is_some_and(|breaker| !breaker.is_closed()) {
            return false;
        }
        let mut token = None;
        if let Some(guard) = &policy.rate_limit {
            token = guard.limit.take(self.limit_of).ok();
            if token.is_none() {
                return false;
            }
        }
        if let Some(guard) = &policy.bulkhead {
            self.placed = guard.bulkhead.0.try_take();
            if !self.placed {
                self.leave_again(token);
                return false;
            }
        }
        if let Some(breaker) = self.breaker() {
            self.pass = breaker.pass_if_closed();
            if self.pass.is_none() {
                self.leave_again(token);
                return false;
            }
        }
        if policy.opens_by_the_clock {
            self.begin_call();
            self.start_body();
        }
        self.start_at_once();
        true
    }

    /// Gives back what was taken on the way to a guard that does not let it pass at once.
    #[cold]
    #[inline(never)]
    fn leave_again(&mut self, token: Option<Token>) {
        if let (Some(token), Some(guard)) = (token, &self.policy.rate_limit) {
            guard.limit.give_back(self.limit_of, token);
        }
        self.leave_place();
    }
}
