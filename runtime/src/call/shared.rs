//! Limits and bulkheads that are shared with the fleet: out of the way of those that are not.

use std::task::Waker;

use steadfast_options::Mode;

use super::Call;
use super::guards::{Held, Waiting};
use crate::breaker::nanos;
use crate::bulkhead::shared::{ANSWER, Admitted, Entering};
use crate::clock;
use crate::policy::{BulkheadGuard, LimitGuard};
use crate::rate_limit::{Patience, Source, Taken, Token, Waited};
use crate::rejection::Rejection;

impl Call<'_> {
    /// Where its tokens are.
    pub(super) fn source(&self, guard: &LimitGuard) -> Source {
        let of_key = self.more.as_ref().and_then(|more| more.source.clone());
        of_key.unwrap_or_else(|| guard.limit.source_of_all())
    }

    /// A token of the fleet's that is at hand.
    #[inline(never)]
    pub(super) fn token_at_hand(&self, guard: &LimitGuard) -> Option<Token> {
        match self.more.as_ref().and_then(|more| more.source.as_ref()) {
            None => guard.limit.take_at_hand(),
            Some(Source::Shared(lane)) => lane.take_at_hand(),
            Some(_) => None,
        }
    }

    /// Takes a token: at hand, or after the store's answer, or in turn. Who is only observed waits for
    /// the answer too, since nobody else knows it, but for no turn.
    #[inline(never)]
    pub(super) fn pass_shared_limit(
        &mut self,
        guard: &LimitGuard,
        waker: &Waker,
    ) -> Result<(), Held> {
        if !self.is_waiting() {
            let patience = self.patience(guard);
            let source = self.source(guard);
            match guard.limit.take_or_wait(&source, patience) {
                Taken::Wait(place) => *self.rest().waiting = Some(Waiting::Shared(place, patience)),
                taken => return self.taken(guard, &taken),
            }
        }
        let Some(Waiting::Shared(place, patience)) = self.rest().waiting else {
            return Ok(());
        };
        let taken = match place.poll(waker) {
            Waited::Token(token) => Taken::Token(token),
            Waited::Refused(time) => Taken::Refused(time),
            Waited::Instead(taken) => taken,
            Waited::Again(at) => {
                let end = patience.end_of(place);
                if clock::left(end).is_some() {
                    return Err(Held::Wait(Some(at.map_or(end, |at| at.min(end)))));
                }
                Taken::Refused(0)
            }
        };
        self.stop_waiting();
        self.taken(guard, &taken)
    }

    /// When a turn comes may be known beforehand: time must be left then.
    fn patience(&self, guard: &LimitGuard) -> Patience {
        let wait = match guard.mode {
            Mode::Observe => 0,
            _ => self.before_deadline(guard.wait),
        };
        let left = self.around.deadline().left();
        Patience::new(wait, left.map_or(u64::MAX, nanos))
    }

    fn taken(&mut self, guard: &LimitGuard, end: &Taken) -> Result<(), Held> {
        let rejection = match *end {
            Taken::Token(token) => {
                self.hold_token(guard, Some(token));
                return Ok(());
            }
            Taken::Refused(time) => guard.limit.rejection(time),
            Taken::Wait(_) => guard.limit.rejection(0),
            Taken::Unavailable => guard.limit.unavailable(),
        };
        self.without(guard, rejection)
    }

    fn without(&mut self, guard: &LimitGuard, rejection: Rejection) -> Result<(), Held> {
        if guard.mode == Mode::Observe {
            self.policy.would_reject(&rejection);
            self.hold_token(guard, None);
            return Ok(());
        }
        Err(Held::Refused(rejection))
    }

    /// Takes a place, after the store's answer, or in turn. Who is only observed waits for the answer, and
    /// for no turn.
    #[inline(never)]
    pub(super) fn pass_shared_bulkhead(
        &mut self,
        guard: &BulkheadGuard,
        waker: &Waker,
    ) -> Result<(), Held> {
        let Some(places) = guard.bulkhead.0.shared() else {
            return Ok(()); // by a reload meanwhile: this call goes on without
        };
        if !self.is_waiting() {
            let left = self.around.deadline().left().map_or(u64::MAX, nanos);
            let (queue, wait) = match guard.mode {
                Mode::Observe => (None, 0),
                _ => (guard.bulkhead.0.queue(), self.up_to_deadline(guard.wait)),
            };
            let answer_by = clock::precise().saturating_add(ANSWER.min(left));
            match places.enter(queue, wait, answer_by) {
                Entering::Wait(place) => *self.rest().waiting = Some(Waiting::SharedPlace(place)),
                Entering::Inside => {
                    self.take_place(guard);
                    return Ok(());
                }
                Entering::Full => return self.no_place(guard, guard.bulkhead.0.rejection()),
                Entering::Unavailable => {
                    return self.no_place(guard, guard.bulkhead.0.unavailable());
                }
            }
        }
        let Some(Waiting::SharedPlace(place)) = self.rest().waiting else {
            return Ok(());
        };
        let end = place.end();
        let admitted = match place.poll(waker) {
            Admitted::Again(at) if clock::left(end).is_some() => {
                return Err(Held::Wait(Some(at.map_or(end, |at| at.min(end)))));
            }
            admitted => admitted,
        };
        self.stop_waiting();
        match admitted {
            Admitted::Inside => {
                self.take_place(guard);
                Ok(())
            }
            Admitted::Unavailable => self.no_place(guard, guard.bulkhead.0.unavailable()),
            _ if self.is_late() => Err(Held::Refused(self.around.deadline().rejection())),
            _ => self.no_place(guard, guard.bulkhead.0.rejection()),
        }
    }

    fn take_place(&mut self, guard: &BulkheadGuard) {
        guard.bulkhead.0.entered_shared();
        self.placed = true;
    }

    fn no_place(&mut self, guard: &BulkheadGuard, rejection: Rejection) -> Result<(), Held> {
        if guard.mode == Mode::Observe {
            self.policy.would_reject(&rejection);
            return Ok(());
        }
        Err(Held::Refused(rejection))
    }

    fn hold_token(&mut self, guard: &LimitGuard, token: Option<Token>) {
        let more = self.more();
        (more.token, more.without_token) = (token, guard.mode == Mode::Observe);
    }
}
