//! One limit's tokens, and those who wait for them: the whole of an unkeyed limit, one key's part
//! of a keyed one.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::gcra::Quota;
use super::sliding::{Log, Span};
use crate::breaker::Nanos;
use crate::turns::{Queued, Turns};

/// How a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rate {
    TokenBucket(Quota),
    SlidingWindow(Span),
}

pub(crate) struct Lane {
    tokens: Tokens,
    waiting: AtomicUsize,
    turns: Turns,
}

enum Tokens {
    Bucket(Quota, AtomicU64),
    Window(Span, Mutex<Log>),
}

/// A token that was taken at this time, to be given back if the call does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(Nanos);

impl Lane {
    pub(crate) fn new(rate: Rate) -> Self {
        let tokens = match rate {
            Rate::TokenBucket(quota) => Tokens::Bucket(quota, AtomicU64::new(0)),
            Rate::SlidingWindow(span) => Tokens::Window(span, Mutex::default()),
        };
        Self {
            tokens,
            waiting: AtomicUsize::new(0),
            turns: Turns::default(),
        }
    }

    /// A token, unless others wait for one; else how long until there is one for a newcomer.
    #[inline]
    pub(crate) fn take(&self, now: Nanos) -> Result<Token, Nanos> {
        match self.waiting.load(Ordering::Relaxed) {
            0 => self.take_in_turn(now),
            waiting => Err(self.token_in(now, waiting)),
        }
    }

    /// A token for whoever's turn it is; else how long until there is one.
    #[inline]
    pub(crate) fn take_in_turn(&self, now: Nanos) -> Result<Token, Nanos> {
        match &self.tokens {
            Tokens::Bucket(quota, arrival) => take_from_bucket(*quota, arrival, now),
            Tokens::Window(span, log) => take_from_window(*span, log, now),
        }
    }

    pub(crate) fn give_back(&self, token: Token) {
        match &self.tokens {
            Tokens::Bucket(quota, arrival) => {
                let less = |arrival| Some(quota.give_back(arrival));
                let _ = arrival.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
                // Either this sees who waits, or who waits sees the token: see `joined`.
                fence(Ordering::SeqCst);
            }
            Tokens::Window(_, log) => locked(log).give_back(token.0),
        }
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.turns.wake_first();
        }
    }

    /// Time until there is a token for who comes after `ahead` others.
    #[inline(never)]
    fn token_in(&self, now: Nanos, ahead: usize) -> Nanos {
        match &self.tokens {
            Tokens::Bucket(quota, arrival) => {
                quota.token_in(arrival.load(Ordering::Relaxed), now, ahead as Nanos)
            }
            Tokens::Window(span, log) => locked(log).room_in(*span, now, ahead),
        }
    }

    /// Tokens left now.
    pub(crate) fn left(&self, now: Nanos) -> u64 {
        match &self.tokens {
            Tokens::Bucket(quota, arrival) => quota.left(arrival.load(Ordering::Relaxed), now),
            Tokens::Window(span, log) => locked(log).left(*span, now),
        }
    }

    /// Time until it is as if it had never been used.
    pub(crate) fn fresh_in(&self, now: Nanos) -> Nanos {
        match &self.tokens {
            Tokens::Bucket(_, arrival) => Quota::full_in(arrival.load(Ordering::Relaxed), now),
            Tokens::Window(span, log) => locked(log).empty_in(*span, now),
        }
    }

    /// Whether forgetting it would change nothing for anyone.
    pub(crate) fn is_fresh(&self, now: Nanos) -> bool {
        self.fresh_in(now) == 0 && self.waiting.load(Ordering::Relaxed) == 0
    }
}

/// One compare-and-swap, repeated while other threads take tokens at the same moment.
#[inline]
fn take_from_bucket(quota: Quota, arrival: &AtomicU64, now: Nanos) -> Result<Token, Nanos> {
    let mut held = arrival.load(Ordering::Relaxed);
    loop {
        let next = quota.take(held, now)?;
        match arrival.compare_exchange_weak(held, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return Ok(Token(now)),
            Err(newer) => held = newer,
        }
    }
}

#[inline(never)]
fn take_from_window(span: Span, log: &Mutex<Log>, now: Nanos) -> Result<Token, Nanos> {
    locked(log).take(span, now).map(|()| Token(now))
}

fn locked(log: &Mutex<Log>) -> MutexGuard<'_, Log> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queued for Lane {
    fn turns(&self) -> &Turns {
        &self.turns
    }

    fn joined(&self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    fn left(&self) {
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
