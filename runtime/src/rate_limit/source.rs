//! Where a token comes from: this process, or the fleet.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use steadfast_options::Mode;

use super::lane::Lane;
use super::shared::{SharedLane, name_of};
use super::{LimitStatus, LimitWait, Patience, RateLimit, Taken, Token, Waited};
use crate::backed::Backed;
use crate::breaker::{Nanos, nanos};
use crate::clock;
use crate::keys::Key;
use crate::rejection::Rejection;
use crate::telemetry::would_reject;
use crate::turns::Turn;
use crate::wait;

/// Which tokens a call takes: a key's own, or the limit's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    All,
    Of(Key),
}

impl Whose {
    pub(crate) fn of(key: &(impl Hash + ?Sized)) -> Self {
        Self::Of(Key::of(key))
    }
}

/// Where its tokens are.
#[derive(Clone)]
pub(crate) enum Source {
    Here(Whose),
    Shared(Backed<Arc<SharedLane>>),
    /// A key for which there is no room.
    NoRoom(Nanos),
}

impl RateLimit {
    /// That of a limit without keys.
    pub(crate) fn source_of_all(&self) -> Source {
        match self.shared() {
            Some(shared) => Source::Shared(Backed::new(shared.lane().clone())),
            None => Source::Here(Whose::All),
        }
    }

    /// That of a key.
    pub(crate) fn source_of(&self, key: &(impl Hash + ?Sized)) -> Source {
        match self.shared() {
            Some(shared) => {
                let lane = shared.lane_of(Key::of(key), clock::precise(), || name_of(key));
                match lane {
                    Ok(lane) => Source::Shared(Backed::new(lane)),
                    Err(full) => Source::NoRoom(full.retry_in),
                }
            }
            None => Source::Here(Whose::of(key)),
        }
    }

    /// A token that this instance has of the fleet's, of a limit without keys that enforces.
    #[inline]
    pub(crate) fn take_at_hand(&self) -> Option<Token> {
        let shared = self.joined();
        let shared = shared.filter(|_| self.0.mode.enforces_shared());
        shared?.lane().take_at_hand()
    }

    /// A token at once, or a place in the queue where a turn comes in time.
    pub(crate) fn take_or_wait(&self, source: &Source, patience: Patience) -> Taken {
        match source {
            Source::Here(whose) => self.take_or_wait_here(*whose, patience.wait),
            Source::Shared(lane) => match lane.take_at_hand() {
                Some(token) => Taken::Token(token),
                None => lane.take_or_wait(patience.wait, patience.answer_by),
            },
            Source::NoRoom(time) => Taken::Refused(*time),
        }
    }

    /// As [`take_or_wait`](Self::take_or_wait), of this process's tokens.
    pub(crate) fn take_or_wait_here(&self, whose: Whose, wait: Nanos) -> Taken {
        let now = self.now();
        match whose {
            Whose::All => self.take_or_queue(&self.0.lane, now, wait),
            Whose::Of(key) => self
                .with(key, now, |lane| self.take_or_queue(lane, now, wait))
                .unwrap_or_else(|full| Taken::Refused(full.retry_in)),
        }
    }

    #[inline(never)]
    fn take_or_queue(&self, lane: &Arc<Lane>, now: Nanos, wait: Nanos) -> Taken {
        match lane.take(now) {
            Ok(token) => Taken::Token(token),
            Err(time) if time > wait => Taken::Refused(time),
            Err(time) => match Turn::take(lane, None) {
                Some(turn) => Taken::Wait(LimitWait::Local(turn, self.clone())),
                None => Taken::Refused(time),
            },
        }
    }

    /// The token; none where the mode lets everybody pass.
    pub(crate) async fn acquire_from(
        &self,
        source: &Source,
        wait: Duration,
    ) -> Result<Option<Token>, Rejection> {
        // Who is only observed waits for nobody's turn.
        let wait = match self.mode() {
            Mode::Off => return Ok(None),
            Mode::Observe => 0,
            _ => nanos(wait),
        };
        let patience = Patience::new(wait, wait::longest());
        let taken = match self.take_or_wait(source, patience) {
            Taken::Wait(mut place) => {
                wait::until(|waker| self.look(&mut place, patience, waker)).await
            }
            taken => self.outcome(&taken),
        };
        self.enforce(taken)
    }

    /// As [`acquire_from`](Self::acquire_from) without a wait for a turn, for sync code: for the store's
    /// answer the thread parks.
    #[cold]
    #[inline(never)]
    pub(crate) fn try_from(&self, source: &Source) -> Result<Option<Token>, Rejection> {
        if self.mode() == Mode::Off {
            return Ok(None);
        }
        let patience = Patience::new(0, wait::longest());
        let taken = match (source, self.take_or_wait(source, patience)) {
            (Source::Shared(_), Taken::Wait(mut place)) => {
                let waker = wait::unpark_me();
                loop {
                    match self.look(&mut place, patience, &waker) {
                        Ok(taken) => break taken,
                        Err(at) => wait::park_until(at),
                    }
                }
            }
            (_, taken) => self.outcome(&taken),
        };
        self.enforce(taken)
    }

    fn look(
        &self,
        place: &mut LimitWait,
        patience: Patience,
        waker: &std::task::Waker,
    ) -> Result<Result<Token, Rejection>, Option<Nanos>> {
        match place.poll(waker) {
            Waited::Token(token) => Ok(Ok(token)),
            Waited::Refused(time) => Ok(Err(self.rejection(time))),
            Waited::Instead(taken) => Ok(self.outcome(&taken)),
            Waited::Again(at) => {
                let end = patience.end_of(place);
                if clock::left(end).is_none() {
                    return Ok(Err(self.rejection(0)));
                }
                Err(Some(at.map_or(end, |at| at.min(end))))
            }
        }
    }

    /// What is not waited for.
    fn outcome(&self, end: &Taken) -> Result<Token, Rejection> {
        match *end {
            Taken::Token(token) => Ok(token),
            Taken::Refused(time) => Err(self.rejection(time)),
            Taken::Wait(_) => Err(self.rejection(0)),
            Taken::Unavailable => Err(self.unavailable()),
        }
    }

    fn enforce(&self, end: Result<Token, Rejection>) -> Result<Option<Token>, Rejection> {
        match end {
            Err(rejection) if self.mode() == Mode::Observe => {
                would_reject(None, &rejection);
                Ok(None)
            }
            Err(rejection) => {
                self.note_refusal();
                Err(rejection)
            }
            Ok(token) => Ok(Some(token)),
        }
    }

    pub(crate) fn give_back_to(&self, source: &Source, token: Token) {
        match source {
            Source::Here(whose) => self.give_back(*whose, token),
            Source::Shared(lane) => lane.give_back(token),
            Source::NoRoom(_) => {}
        }
    }

    pub(crate) fn status_from(&self, source: &Source) -> LimitStatus {
        match source {
            Source::Here(Whose::All) => self.status_of(Some(&self.0.lane)),
            Source::Here(Whose::Of(key)) => {
                self.status_of(self.0.keys.get(*key, Arc::clone).as_ref())
            }
            Source::Shared(lane) => LimitStatus {
                keys: self.keys(),
                ..lane.status()
            },
            Source::NoRoom(_) => LimitStatus {
                left: 0,
                used: self.rate().most(),
                ..self.status_of(None)
            },
        }
    }
}
