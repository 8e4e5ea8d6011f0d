//! The short way to the body: a first attempt that every guard lets pass at once.

use super::{Call, Stage, trace};
use crate::policy::Opening;
use crate::rate_limit::Token;
use crate::scoped;

impl Call<'_> {
    /// Lets the body run at once, where nothing but a closed breaker stands before it: the first
    /// attempt of most calls.
    #[inline]
    pub(super) fn enters_at_once(&mut self) -> bool {
        let policy = self.policy;
        if self.stage != Stage::First
            || scoped::is_inside()
            || trace::is_wanted()
            || policy.has_planned_fault()
        {
            return false;
        }
        match policy.opening {
            Opening::Plain if self.more.is_none() => {
                if let Some(guard) = &policy.breaker {
                    let Some(pass) = guard.breaker.pass_if_closed() else {
                        return false;
                    };
                    self.pass = Some(pass);
                }
            }
            Opening::Plain | Opening::Guarded if self.passes_at_once() => {}
            _ => return false,
        }
        self.around.attempt = 1;
        self.around.lasts = policy.lasts;
        self.stage = Stage::Running;
        true
    }

    /// Passes all guards if each lets it pass at once; else gives back what it took. The first
    /// attempt of most calls: whoever does not pass goes the long way, which knows why.
    #[inline(never)]
    fn passes_at_once(&mut self) -> bool {
        let policy = self.policy;
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
