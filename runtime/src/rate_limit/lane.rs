//! One limit's tokens, and those who wait for them: the whole of an unkeyed limit, one key's part
//! of a keyed one.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::gcra::Quota;
use super::rate::Rate;
use super::sliding::{Log, Span};
use crate::breaker::Nanos;
use crate::turns::{Queued, Turns};

/// Tokens, and who waits for them.
///
/// A bucket is three numbers: the rate, which only a new configuration writes, and the arrival,
/// which every token moves. Who changes the rate takes the arrival away while it does, so that
/// whoever took a token by a rate that is neither the old nor the new finds it gone and begins
/// again.
pub(crate) struct Lane {
    /// The arrival of a bucket.
    arrival: AtomicU64,
    /// Its rate. An interval of zero: the window is what counts.
    interval: AtomicU64,
    tolerance: AtomicU64,
    window: Mutex<Window>,
    waiting: AtomicUsize,
    turns: Turns,
}

struct Window {
    span: Span,
    log: Log,
}

/// In place of an arrival, while the rate changes. No arrival is so late.
const CHANGING: Nanos = Nanos::MAX;

/// A token that was taken at this time, to be given back if the call does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token(Nanos);

impl Token {
    /// Of a shared limit: until when it may be spent.
    pub(crate) fn of(until: Nanos) -> Self {
        Self(until)
    }

    pub(crate) fn time(self) -> Nanos {
        self.0
    }
}

impl Lane {
    pub(crate) fn new(rate: Rate) -> Self {
        let (quota, span) = parts(rate);
        Self {
            arrival: AtomicU64::new(0),
            interval: AtomicU64::new(quota.interval),
            tolerance: AtomicU64::new(quota.tolerance),
            window: Mutex::new(Window {
                span,
                log: Log::default(),
            }),
            waiting: AtomicUsize::new(0),
            turns: Turns::default(),
        }
    }

    /// With no more than so many tokens.
    pub(crate) fn with_left(rate: Rate, left: u64, now: Nanos) -> Self {
        let lane = Self::new(rate);
        let used = rate.most().saturating_sub(left);
        match rate {
            Rate::TokenBucket(quota) => {
                let arrival = quota.arrival_with(used as f64, now);
                lane.arrival.store(arrival, Ordering::Relaxed);
            }
            Rate::SlidingWindow(span) => lane.window().log = Log::of(used as usize, span, now),
        }
        lane
    }

    /// The rate of a bucket; none where a window counts. To be read after the arrival.
    #[inline]
    fn quota(&self) -> Option<Quota> {
        let quota = Quota {
            interval: self.interval.load(Ordering::Relaxed),
            tolerance: self.tolerance.load(Ordering::Relaxed),
        };
        (quota.interval != 0).then_some(quota)
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
    ///
    /// One compare-and-swap, where no other thread takes a token and no rate changes at the same
    /// moment.
    #[inline]
    pub(crate) fn take_in_turn(&self, now: Nanos) -> Result<Token, Nanos> {
        let held = self.arrival.load(Ordering::Acquire);
        if let Some(quota) = self.quota() {
            match quota.take(held, now) {
                Ok(next) if self.moves(held, next) => return Ok(Token(now)),
                Err(time) if self.stays(held) => return Err(time),
                _ => {}
            }
        }
        self.take_again(now)
    }

    #[inline]
    fn moves(&self, held: Nanos, next: Nanos) -> bool {
        let arrival = &self.arrival;
        let moved = arrival.compare_exchange(held, next, Ordering::Relaxed, Ordering::Relaxed);
        moved.is_ok()
    }

    /// Whether a refusal by this arrival is by one rate, and not by half of each of two.
    #[inline]
    fn stays(&self, held: Nanos) -> bool {
        held != CHANGING && self.arrival.load(Ordering::Acquire) == held
    }

    /// As often as other threads come first; and for windows, which have a lock.
    #[inline(never)]
    fn take_again(&self, now: Nanos) -> Result<Token, Nanos> {
        loop {
            let held = self.settled_arrival();
            let Some(quota) = self.quota() else {
                match self.take_from_window(now) {
                    Some(taken) => return taken,
                    None => continue, // it is a bucket by now
                }
            };
            match quota.take(held, now) {
                Ok(next) if self.moves(held, next) => return Ok(Token(now)),
                Err(time) if self.stays(held) => return Err(time),
                _ => {}
            }
        }
    }

    /// The arrival, once no change of the rate is under way.
    #[inline]
    fn settled_arrival(&self) -> Nanos {
        match self.arrival.load(Ordering::Acquire) {
            CHANGING => self.await_arrival(),
            arrival => arrival,
        }
    }

    #[cold]
    #[inline(never)]
    fn await_arrival(&self) -> Nanos {
        loop {
            match self.arrival.load(Ordering::Acquire) {
                CHANGING => std::thread::yield_now(),
                arrival => return arrival,
            }
        }
    }

    /// None where it is a bucket by now.
    fn take_from_window(&self, now: Nanos) -> Option<Result<Token, Nanos>> {
        let mut window = self.window();
        let span = window.span;
        let taken = || window.log.take(span, now).map(|()| Token(now));
        self.quota().is_none().then(taken)
    }

    fn window(&self) -> MutexGuard<'_, Window> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn give_back(&self, token: Token) {
        loop {
            let held = self.settled_arrival();
            let Some(quota) = self.quota() else {
                self.window().log.give_back(token.0);
                break;
            };
            let less = quota.give_back(held);
            let exchanged = self.arrival.compare_exchange_weak(
                held,
                less,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if exchanged.is_ok() {
                // Either this sees who waits, or who waits sees the token: see `joined`.
                fence(Ordering::SeqCst);
                break;
            }
        }
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.turns.wake_first();
        }
    }

    /// Takes another rate over. Tokens that are used stay used, as far as there are so many.
    pub(crate) fn retune(&self, rate: Rate, now: Nanos) {
        let mut window = self.window(); // one change at a time
        let before = self.quota();
        let used = |arrival: Nanos| match before {
            Some(quota) => quota.used(arrival, now),
            None => f64::from(u32::try_from(window.log.held(window.span, now)).unwrap_or(u32::MAX)),
        };
        let (quota, span) = parts(rate);
        let arrival = self.arrival.swap(CHANGING, Ordering::AcqRel);
        let used = used(arrival);
        self.interval.store(quota.interval, Ordering::Relaxed);
        self.tolerance.store(quota.tolerance, Ordering::Relaxed);
        if before.is_some() {
            window.log = Log::of(used.ceil() as usize, span, now);
        }
        window.span = span;
        let next = quota.arrival_with(used, now);
        // Never the same: who read it with the old rate must find it gone.
        let next = next + Nanos::from(next == arrival);
        self.arrival.store(next, Ordering::Release);
        drop(window);
        self.turns.wake_first(); // whose turn may come sooner now
    }

    /// Time until there is a token for who comes after `ahead` others.
    #[inline(never)]
    fn token_in(&self, now: Nanos, ahead: usize) -> Nanos {
        let arrival = self.settled_arrival();
        match self.quota() {
            Some(quota) => quota.token_in(arrival, now, ahead as Nanos),
            None => {
                let mut window = self.window();
                let span = window.span;
                window.log.room_in(span, now, ahead)
            }
        }
    }

    /// Tokens left now.
    pub(crate) fn left(&self, now: Nanos) -> u64 {
        let arrival = self.settled_arrival();
        match self.quota() {
            Some(quota) => quota.left(arrival, now),
            None => {
                let window = self.window();
                window.log.left(window.span, now)
            }
        }
    }

    /// Time until it is as if it had never been used.
    pub(crate) fn fresh_in(&self, now: Nanos) -> Nanos {
        let arrival = self.settled_arrival();
        match self.quota() {
            Some(_) => Quota::full_in(arrival, now),
            None => {
                let window = self.window();
                window.log.empty_in(window.span, now)
            }
        }
    }

    /// Whether forgetting it would change nothing for anyone.
    pub(crate) fn is_fresh(&self, now: Nanos) -> bool {
        self.fresh_in(now) == 0 && self.waiting.load(Ordering::Relaxed) == 0
    }
}

/// A rate as a lane holds it: the part of the other kind is empty.
fn parts(rate: Rate) -> (Quota, Span) {
    match rate {
        Rate::TokenBucket(quota) => (quota, Span { max: 0, per: 0 }),
        Rate::SlidingWindow(span) => (
            Quota {
                interval: 0,
                tolerance: 0,
            },
            span,
        ),
    }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    const SECOND: Nanos = 1_000_000_000;
    const NOW: Nanos = 1_000 * SECOND;

    fn bucket(max: u32, per: Nanos) -> Rate {
        Rate::TokenBucket(Quota::new(max, per, max))
    }

    fn window(max: usize, per: Nanos) -> Rate {
        Rate::SlidingWindow(Span { max, per })
    }

    #[test]
    fn what_is_used_stays_used_from_any_rate_to_any_other() {
        let rates = [
            bucket(10, 60 * SECOND),
            bucket(20, SECOND),
            window(10, 60 * SECOND),
            window(20, SECOND),
        ];
        for from in rates {
            for to in rates {
                let lane = Lane::new(from);
                (0..4).for_each(|_| assert!(lane.take(NOW).is_ok()));
                lane.retune(to, NOW);
                let most = if to == rates[0] || to == rates[2] {
                    10
                } else {
                    20
                };
                // A rate that is the same is told from the one before by a nanosecond.
                let left = lane.left(NOW + 1);
                assert_eq!(left, most - 4, "from {from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn no_token_is_made_while_the_rate_changes_under_those_who_take() {
        const TOKENS: u32 = 1000;
        let rates = [
            bucket(TOKENS, 3600 * SECOND),
            bucket(TOKENS, 60 * SECOND),
            window(TOKENS as usize, 60 * SECOND),
        ];
        let (lane, over) = (Lane::new(rates[0]), AtomicBool::new(false));
        let taken: usize = std::thread::scope(|scope| {
            let take = || {
                let mut taken = 0;
                while !over.load(Ordering::Relaxed) {
                    taken += usize::from(lane.take(NOW).is_ok());
                }
                taken
            };
            let threads = [scope.spawn(take), scope.spawn(take)];
            let mut changes = 1..2_000_000;
            while lane.left(NOW) > 1 {
                let change = changes.next().expect("somebody takes tokens");
                lane.retune(rates[change % 3], NOW);
            }
            over.store(true, Ordering::Relaxed);
            threads.map(|thread| thread.join().unwrap()).iter().sum()
        });
        // The nanosecond that tells two rates apart may hold the last one back.
        let most = TOKENS as usize;
        assert!((most - 1..=most).contains(&taken), "{taken}");
    }
}
