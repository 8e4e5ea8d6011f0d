//! Callers who wait: for the store's answer, which is soon, or for a turn.

use std::sync::Arc;
use std::task::Waker;

use super::lane::SharedLane;
use crate::breaker::Nanos;
use crate::clock;
use crate::quota::Lost;
use crate::rate_limit::Waited;
use crate::rate_limit::lane::Lane;
use crate::turns::Turn;

/// How long a caller waits for the store's answer.
pub(crate) const ANSWER: Nanos = 100_000_000;

/// A place in the queue for a token of the fleet.
pub(crate) struct SharedWait {
    turn: Turn<SharedLane>,
    /// The request that asks for this caller's token; what has no number was answered.
    number: u64,
    /// When the caller's patience with others ends.
    until: Nanos,
    /// When that with the store ends.
    answer_by: Nanos,
}

impl SharedWait {
    pub(super) fn new(turn: Turn<SharedLane>, until: Nanos, answer_by: Nanos) -> Self {
        Self {
            turn,
            number: 0,
            until,
            answer_by,
        }
    }

    pub(super) fn ask(&mut self, now: Nanos) {
        let lane = self.turn.of();
        let rules = lane.common.said().rules;
        let (number, ask) = lane.ledger().need(rules, now);
        self.number = number;
        lane.send(ask);
    }

    pub(crate) fn poll(&mut self, waker: &Waker) -> Waited {
        let is_first = self.turn.is_first(waker);
        let now = clock::precise();
        let lane = self.turn.of().clone();
        if lane.is_alone(now) {
            let wait = self.until.saturating_sub(now);
            return Waited::Instead(lane.take_alone(now, wait));
        }
        let said = lane.common.said();
        let mut ledger = lane.ledger();
        if !is_first {
            let end = self.until.max(self.answer_by);
            if now >= end {
                return Waited::Refused(ledger.turn_in(said.rules, now, 1));
            }
            return Waited::Again(Some(end)); // or when those before it have gone
        }
        if let Some((token, ask)) = lane.fetch(&mut ledger, said, now) {
            drop(ledger);
            lane.send(ask);
            return Waited::Token(token);
        }
        if !ledger.is_answered(self.number) {
            if now < self.answer_by {
                return Waited::Again(Some(self.answer_by));
            }
            lane.give_up(ledger);
            lane.go_alone(Lost::Store, now);
            return Waited::Instead(lane.take_alone(now, self.until.saturating_sub(now)));
        }
        let next = ledger.next();
        drop(ledger);
        if next > self.until.max(now) {
            return Waited::Refused(next - now);
        }
        if next > now {
            return Waited::Again(Some(next));
        }
        if self.number != 0 && now >= self.until && now >= self.answer_by {
            return Waited::Refused(0);
        }
        self.answer_by = self.answer_by.max(now.saturating_add(ANSWER));
        self.ask(now);
        Waited::Again(Some(self.answer_by))
    }
}

impl Drop for SharedWait {
    fn drop(&mut self) {
        self.turn.of().ledger().unneed(self.number);
    }
}

/// A place in the queue for a token of this instance's part.
pub(crate) struct AloneWait {
    turn: Turn<Lane>,
    lane: Arc<SharedLane>,
    until: Nanos,
}

impl AloneWait {
    pub(super) fn new(turn: Turn<Lane>, lane: &Arc<SharedLane>, until: Nanos) -> Self {
        Self {
            turn,
            lane: lane.clone(),
            until,
        }
    }

    pub(crate) fn poll(&self, waker: &Waker) -> Waited {
        let is_first = self.turn.is_first(waker);
        let now = clock::precise();
        if !self.lane.is_alone(now) {
            let wait = self.until.saturating_sub(now);
            let answer_by = now.saturating_add(ANSWER);
            return Waited::Instead(self.lane.take_or_wait(wait, answer_by));
        }
        if !is_first {
            return Waited::Again(None);
        }
        match self.turn.of().take_in_turn(now) {
            Ok(token) => Waited::Token(self.lane.spend_alone(token)),
            Err(time) => Waited::Again(Some(now.saturating_add(time))),
        }
    }
}
