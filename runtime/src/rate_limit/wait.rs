//! How callers come to a token that is not there yet.

use std::task::Waker;

use super::RateLimit;
use super::lane::{Lane, Token};
use super::shared::{AloneWait, SharedWait};
use crate::backed::Backed;
use crate::breaker::Nanos;
use crate::clock;
use crate::turns::Turn;

/// A token, or a place in the queue for one, or no way to one in time.
pub(crate) enum Taken {
    Token(Token),
    Wait(LimitWait),
    Refused(Nanos),
    /// A shared limit is out of reach, and its fallback is over.
    Unavailable,
}

/// What comes of a wait, so far.
pub(crate) enum Waited {
    Token(Token),
    /// To be asked again when woken, or at this time.
    Again(Option<Nanos>),
    Refused(Nanos),
    /// The wait is over, and this is in its place.
    Instead(Taken),
}

/// A place in the queue for a token.
pub(crate) enum LimitWait {
    /// Whose clock may become another while it waits.
    Local(Turn<Lane>, RateLimit),
    /// For the answer of the store that the fleet shares, or for a turn there.
    Shared(Backed<SharedWait>),
    /// For this instance's part, while that store is out of reach.
    Alone(Backed<AloneWait>),
}

impl LimitWait {
    /// The token, once it is there; else when to look again.
    fn poll_once(&mut self, waker: &Waker) -> Waited {
        match self {
            Self::Local(turn, limit) => {
                if !turn.is_first(waker) {
                    return Waited::Again(None);
                }
                match turn.of().take_in_turn(limit.now()) {
                    Ok(token) => Waited::Token(token),
                    Err(time) => Waited::Again(Some(clock::precise().saturating_add(time))),
                }
            }
            Self::Shared(wait) => wait.poll(waker),
            Self::Alone(wait) => wait.poll(waker),
        }
    }

    /// As far as it goes now. Where the wait goes on elsewhere it is replaced.
    pub(crate) fn poll(&mut self, waker: &Waker) -> Waited {
        loop {
            match self.poll_once(waker) {
                Waited::Instead(Taken::Wait(other)) => *self = other,
                Waited::Instead(Taken::Token(token)) => return Waited::Token(token),
                Waited::Instead(Taken::Refused(time)) => return Waited::Refused(time),
                waited => return waited,
            }
        }
    }
}

/// How long a caller waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// For a turn.
    pub(crate) wait: Nanos,
    /// For the store that a fleet shares, until then; whatever the turn.
    pub(crate) answer_by: Nanos,
    /// Until when, all in all.
    pub(crate) end: Nanos,
}

impl Patience {
    /// No longer than `wait` for a turn, and than `left` in all.
    pub(crate) fn new(wait: Nanos, left: Nanos) -> Self {
        let now = clock::precise();
        let wait = wait.min(left);
        let answer = super::shared::ANSWER.min(left);
        Self {
            wait,
            answer_by: now.saturating_add(answer),
            end: now.saturating_add(wait),
        }
    }

    /// Until when it is waited here.
    pub(crate) fn end_of(&self, wait: &LimitWait) -> Nanos {
        match wait {
            LimitWait::Shared(_) => self.end.max(self.answer_by),
            _ => self.end,
        }
    }
}
