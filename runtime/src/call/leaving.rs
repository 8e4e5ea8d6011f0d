//! What the guards gave, given back: at the end of an attempt, where a later guard refuses, and where
//! the call is dropped.

use steadfast_options::Guards;

use super::{Call, Stage, View};
use crate::breaker::Pass;
use crate::classify::Class;
use crate::policy::LimitGuard;
use crate::rate_limit::Token;

impl Call<'_> {
    /// Ends what belongs to the attempt: tells the breaker, leaves the place.
    #[inline]
    pub(super) fn leave_attempt(&mut self, view: &View<'_>) {
        if self
            .policy
            .breaker
            .as_ref()
            .is_some_and(|guard| guard.guards == Guards::Attempt)
        {
            self.settle(view);
        }
        if self
            .policy
            .bulkhead
            .as_ref()
            .is_some_and(|guard| guard.guards == Guards::Attempt)
        {
            self.leave_place();
        }
    }

    /// Tells the breaker how what it let pass has ended.
    #[inline]
    pub(super) fn settle(&mut self, view: &View<'_>) {
        if let Some(pass) = self.pass.take() {
            self.tell_breaker(pass, view);
        }
    }

    fn tell_breaker(&self, pass: Pass, view: &View<'_>) {
        let (Some(breaker), Some(guard)) = (self.breaker(), &self.policy.breaker) else {
            return;
        };
        if view.class == Class::Ignored || !view.counted {
            breaker.cancelled(pass);
        } else if view.class.is_in(guard.counts) {
            breaker.failed(pass, self.started(), Some(view.text));
        } else {
            breaker.answered(pass, self.started());
        }
    }

    /// Gives back what the guards of one level gave, where a later one refuses.
    pub(super) fn give_back(&mut self, level: Guards) {
        self.stop_waiting();
        if self
            .policy
            .rate_limit
            .as_ref()
            .is_some_and(|guard| guard.guards == level)
        {
            self.give_token_back();
        }
        if self
            .policy
            .bulkhead
            .as_ref()
            .is_some_and(|guard| guard.guards == level)
        {
            self.leave_place();
        }
    }

    fn give_token_back(&mut self) {
        let token = self.more.as_mut().and_then(|more| {
            more.without_token = false;
            more.token.take()
        });
        if let (Some(token), Some(guard)) = (token, &self.policy.rate_limit) {
            self.give_back_to(guard, token);
        }
    }

    pub(super) fn give_back_to(&self, guard: &LimitGuard, token: Token) {
        if guard.is_shared {
            guard.limit.give_back_to(&self.source(guard), token);
        } else {
            guard.limit.give_back(self.limit_of, token);
        }
    }

    #[inline]
    pub(super) fn leave_place(&mut self) {
        if std::mem::take(&mut self.placed)
            && let Some(guard) = &self.policy.bulkhead
        {
            guard.bulkhead.0.give_back();
        }
    }

    /// Ends a call that comes to no result of its own: dropped, refused, or in a panic.
    #[cold]
    #[inline(never)]
    pub(super) fn abandon(&mut self) {
        if let (Some(pass), Some(breaker)) = (self.pass.take(), self.breaker()) {
            if self.stage == Stage::Running {
                breaker.failed(pass, self.started(), Some(&"the body panicked"));
            } else {
                breaker.cancelled(pass);
            }
        }
        self.give_token_back();
        self.leave_place();
    }

    /// Ends a call that is dropped. Not part of its drop, so that what it may hold is dropped by code
    /// of the runtime's own, not by a copy in each crate that annotates a function.
    #[cold]
    #[inline(never)]
    pub(super) fn dropped(&mut self) {
        self.abandon();
        *self.more = None;
        *self.kept = None;
    }
}
