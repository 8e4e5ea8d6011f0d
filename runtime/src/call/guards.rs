//! The guards of a call, in their order at each level: is the breaker open? → rate limit →
//! bulkhead → the breaker admits. What a later guard refuses, earlier ones get back.

use std::task::{Context, Waker};
use std::time::Duration;

use steadfast_options::{Guards, Mode};

use super::{Call, Stage};
use crate::__private::KeyValue;
use crate::breaker::{Breaker, Nanos, NoPass, nanos};
use crate::bulkhead::Places;
use crate::bulkhead::shared::PlaceWait;
use crate::clock;
use crate::keys::Key;
use crate::policy::{BreakerGuard, BulkheadGuard, LimitGuard};
use crate::rate_limit::{LimitWait, Patience, Taken, Waited, Whose};
use crate::rejection::Rejection;
use crate::turns::Turn;

/// What the next step of an attempt is.
pub(super) enum Step {
    /// The body.
    Body,
    Refused(Rejection),
    /// Wait, until woken.
    Wait,
}

/// What comes of the guards.
pub(super) enum Passed {
    All,
    Refused(Rejection),
    /// Wait until woken, or until this time.
    Wait(Option<Nanos>),
}

/// A place in the queue of a guard, or what else is waited for.
pub(super) enum Waiting {
    /// The leases for probes of a fleet, in which round, and how long at most.
    Lease(u64, Nanos),
    Token(LimitWait, Nanos),
    /// For a token of the fleet.
    Shared(LimitWait, Patience),
    /// For a place among the fleet's.
    SharedPlace(PlaceWait),
    Place(Turn<Places>, Nanos),
}

/// A guard that has not let the call pass.
pub(super) enum Held {
    Refused(Rejection),
    Wait(Option<Nanos>),
}

/// How long a call waits for a lease: as long as whoever asks the store waits for an answer.
const LEASE_WAIT: Duration = Duration::from_millis(100);

impl From<Held> for Passed {
    fn from(held: Held) -> Self {
        match held {
            Held::Refused(rejection) => Self::Refused(rejection),
            Held::Wait(until) => Self::Wait(until),
        }
    }
}

/// The breaker of a call.
pub(super) enum BreakerOf {
    /// The one that the policy names.
    Policy,
    /// That of the call's key.
    Key(Breaker),
    /// None: there are too many keys.
    Nobody,
}

impl Call<'_> {
    /// Tells the calls of this function apart by a key, for its rate limit.
    pub fn limit_key(&mut self, key: &(impl KeyValue + ?Sized)) {
        self.limit_of = Whose::of(key);
        if let Some(guard) = &self.policy.rate_limit
            && guard.is_shared
        {
            self.more().source = Some(guard.limit.source_of(key));
        }
    }

    /// Tells the calls of this function apart by a key, for its breaker.
    pub fn breaker_key<K: KeyValue + ?Sized>(&mut self, key: &K, text: impl FnOnce(&K) -> String) {
        let Some(guard) = &self.policy.breaker else {
            return;
        };
        let breaker = guard.breaker.of_key(Key::of(key), || text(key));
        self.more().breaker_of = breaker.map_or(BreakerOf::Nobody, BreakerOf::Key);
    }

    /// The breaker that this call is guarded by.
    #[inline]
    pub(super) fn breaker(&self) -> Option<&Breaker> {
        match self.more.as_ref().map(|more| &more.breaker_of) {
            None | Some(BreakerOf::Policy) => Some(&self.policy.breaker.as_ref()?.breaker),
            Some(BreakerOf::Key(breaker)) => Some(breaker),
            Some(BreakerOf::Nobody) => None,
        }
    }

    /// Goes on towards the body of the attempt, after the pause before it.
    pub(super) fn go_on(&mut self, context: &mut Context<'_>) -> Step {
        match self.stage {
            Stage::First | Stage::Next => self.begin(),
            Stage::Guards => {}
            Stage::Pause => {
                if self.poll_armed_wait(context).is_pending() {
                    return Step::Wait;
                }
                self.begin();
            }
            Stage::Running | Stage::Body => {
                self.stage = Stage::Running;
                self.enter_trace();
                return Step::Body;
            }
        }
        loop {
            match self.pass_guards(context.waker()) {
                Passed::All => {
                    self.enter_body();
                    return Step::Body;
                }
                Passed::Refused(rejection) => return Step::Refused(rejection),
                Passed::Wait(at) => {
                    if self.poll_wait(at, context).is_pending() {
                        return Step::Wait;
                    }
                }
            }
        }
    }

    /// Passes as many guards as let it pass now.
    #[allow(clippy::inline_always)] // a refusal is as fast as it is small, and three places use it
    #[inline(always)]
    pub(super) fn pass_guards(&mut self, waker: &Waker) -> Passed {
        if self.policy.observes {
            return self.pass_observed_guards(waker);
        }
        loop {
            if self.policy.has_queues
                && let Err(held) = self.pass_queues(waker)
            {
                return held.into();
            }
            if let Err(rejection) = self.pass_breaker() {
                match self.without_pass(rejection, waker) {
                    Ok(()) => {}
                    Err(held) => return held.into(),
                }
            }
            if self.level == Guards::Attempt {
                return Passed::All;
            }
            self.level = Guards::Attempt;
        }
    }

    #[inline]
    pub(super) fn pass_breaker(&mut self) -> Result<(), Rejection> {
        let here = |guard: &BreakerGuard| guard.guards == self.level;
        if self.policy.breaker.as_ref().is_some_and(here)
            && let Some(breaker) = self.breaker()
        {
            self.pass = Some(breaker.pass()?);
        }
        Ok(())
    }

    /// A breaker that a fleet shares has a lease for a probe in a moment, or none: worth the wait, since
    /// otherwise nobody would probe where each instance makes few calls.
    #[cold]
    #[inline(never)]
    pub(super) fn without_pass(&mut self, rejection: Rejection, waker: &Waker) -> Result<(), Held> {
        // Until its time has come an open breaker refuses without asking anybody.
        let is_early = rejection.retry_in().is_some();
        let breaker = self.breaker().filter(|_| !is_early);
        let Some(breaker) = breaker.filter(|breaker| breaker.is_shared()) else {
            return Err(Held::Refused(rejection));
        };
        let waiting = match self.known_waiting() {
            Some(Waiting::Lease(round, end)) => Some((*round, *end)),
            _ => None,
        };
        let mut passed = breaker.pass_or_wait(waiting.map(|(round, _)| round));
        if let Err(NoPass {
            round: Some(round), ..
        }) = passed
        {
            // It may have come before there was somebody to wake.
            breaker.wait_for_lease(waker);
            passed = breaker.pass_or_wait(Some(round));
        }
        match passed {
            Ok(pass) => {
                self.pass = Some(pass);
                self.stop_waiting();
                Ok(())
            }
            Err(NoPass { rejection, round }) => self.wait_for_round(rejection, round, waiting),
        }
    }

    fn wait_for_round(
        &mut self,
        rejection: Rejection,
        round: Option<u64>,
        waiting: Option<(u64, Nanos)>,
    ) -> Result<(), Held> {
        let now = clock::precise();
        let longest = || now.saturating_add(self.before_deadline(LEASE_WAIT));
        let end = waiting.map_or_else(longest, |(_, end)| end);
        match round {
            Some(round) if now < end => {
                *self.rest().waiting = Some(Waiting::Lease(round, end));
                Err(Held::Wait(Some(end)))
            }
            _ => {
                self.stop_waiting();
                Err(Held::Refused(rejection))
            }
        }
    }

    /// Rate limit and bulkhead. Asked again after each wait, from the start, so that a breaker that
    /// opened meanwhile refuses.
    #[inline(never)]
    pub(super) fn pass_queues(&mut self, waker: &Waker) -> Result<(), Held> {
        if let Some(rejection) = self.breaker_refuses() {
            return Err(Held::Refused(rejection));
        }
        // A turn that comes when the time is up is of no use: no body begins then.
        if self.is_waiting() && self.is_late() {
            return Err(Held::Refused(self.around.deadline().rejection()));
        }
        let policy = self.policy;
        if let Some(guard) = policy
            .rate_limit
            .as_ref()
            .filter(|guard| guard.guards == self.level)
            && !self.holds_token()
        {
            let waited = self.is_waiting();
            self.pass_limit(guard, waker)?;
            if waited && let Some(rejection) = self.breaker_refuses() {
                return Err(Held::Refused(rejection));
            }
        }
        if let Some(guard) = policy
            .bulkhead
            .as_ref()
            .filter(|guard| guard.guards == self.level)
            && !self.placed
        {
            self.pass_bulkhead(guard, waker)?;
        }
        Ok(())
    }

    fn breaker_refuses(&self) -> Option<Rejection> {
        let guard = self
            .policy
            .breaker
            .as_ref()
            .filter(|guard| guard.guards == self.level && guard.mode != Mode::Observe);
        guard.and(self.breaker())?.refuses()
    }

    fn pass_limit(&mut self, guard: &LimitGuard, waker: &Waker) -> Result<(), Held> {
        if guard.is_shared {
            return self.pass_shared_limit(guard, waker);
        }
        if guard.mode == Mode::Observe {
            self.observe_limit(guard);
            return Ok(());
        }
        let refuse = |time| Held::Refused(guard.limit.rejection(time));
        if !self.is_waiting() {
            let wait = self.before_deadline(guard.wait);
            match guard.limit.take_or_wait_here(self.limit_of, wait) {
                Taken::Refused(time) => return Err(refuse(time)),
                Taken::Unavailable => return Err(Held::Refused(guard.limit.unavailable())),
                Taken::Token(token) => {
                    self.more().token = Some(token);
                    return Ok(());
                }
                Taken::Wait(turn) => {
                    let end = clock::precise().saturating_add(wait);
                    *self.rest().waiting = Some(Waiting::Token(turn, end));
                }
            }
        }
        let Some(Waiting::Token(turn, end)) = self.rest().waiting else {
            return Ok(());
        };
        let end = *end;
        match turn.poll(waker) {
            Waited::Token(token) => {
                self.more().token = Some(token);
                self.stop_waiting();
                Ok(())
            }
            Waited::Again(at) if clock::left(end).is_some() => {
                Err(Held::Wait(Some(at.map_or(end, |at| at.min(end)))))
            }
            _ => {
                self.stop_waiting();
                Err(refuse(0))
            }
        }
    }

    fn pass_bulkhead(&mut self, guard: &BulkheadGuard, waker: &Waker) -> Result<(), Held> {
        if guard.is_shared {
            return self.pass_shared_bulkhead(guard, waker);
        }
        if guard.mode == Mode::Observe {
            self.observe_bulkhead(guard);
            return Ok(());
        }
        let places = &guard.bulkhead.0;
        if !self.is_waiting() {
            if places.try_take() {
                self.placed = true;
                return Ok(());
            }
            let full = || Held::Refused(places.rejection());
            if guard.wait.is_zero() {
                return Err(full());
            }
            let wait = self.up_to_deadline(guard.wait);
            let turn = Turn::take(places, places.queue()).ok_or_else(full)?;
            let end = clock::precise().saturating_add(wait);
            *self.rest().waiting = Some(Waiting::Place(turn, end));
        }
        let Some(Waiting::Place(turn, end)) = self.rest().waiting else {
            return Ok(());
        };
        let end = *end;
        if turn.is_first(waker) && places.take_in_turn() {
            self.placed = true;
            self.stop_waiting();
            return Ok(());
        }
        if clock::left(end).is_some() {
            return Err(Held::Wait(Some(end)));
        }
        self.stop_waiting();
        Err(Held::Refused(if self.is_late() {
            self.around.deadline().rejection()
        } else {
            places.rejection()
        }))
    }

    pub(super) fn up_to_deadline(&self, wait: Duration) -> Nanos {
        let left = self.around.deadline().left();
        nanos(left.map_or(wait, |left| left.min(wait)))
    }

    /// When a token comes is known beforehand: time must be left then.
    pub(super) fn before_deadline(&self, wait: Duration) -> Nanos {
        let left = self.around.deadline().left();
        nanos(wait).min(left.map_or(Nanos::MAX, |left| nanos(left).saturating_sub(1)))
    }

    pub(super) fn is_late(&self) -> bool {
        let left = self.around.deadline().left();
        left.is_some_and(|left| left.is_zero())
    }
}
