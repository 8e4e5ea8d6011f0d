//! Tokens at hand: one word, so that one is spent in one step and no round trip.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::breaker::Nanos;

/// How many tokens there are, and until when they may be spent: 20 bits of tokens below 44 bits of time,
/// in units of 65,536 ns. That reaches for 36 years; a rest of a unit is given away.
#[derive(Debug, Default)]
pub(super) struct Pot(AtomicU64);

const TOKEN_BITS: u32 = 20;
const TOKENS: u64 = (1 << TOKEN_BITS) - 1;
const TIME_UNIT: u32 = 16;

fn time(now: Nanos) -> u64 {
    now >> TIME_UNIT
}

impl Pot {
    /// Spends a token; until when it would have lasted.
    #[inline]
    pub(super) fn take(&self, now: Nanos) -> Option<Nanos> {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let until = word >> TOKEN_BITS;
            if word & TOKENS == 0 || time(now) >= until {
                return None;
            }
            let less = word - 1;
            match self
                .0
                .compare_exchange_weak(word, less, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Some(until << TIME_UNIT),
                Err(newer) => word = newer,
            }
        }
    }

    /// Puts tokens in, in place of what is there: nothing that could be spent.
    pub(super) fn fill(&self, tokens: u32, until: Nanos) {
        let tokens = u64::from(tokens).min(TOKENS);
        self.0
            .store(time(until) << TOKEN_BITS | tokens, Ordering::Relaxed);
    }

    /// Puts a token back in that lasts until then; lost where the others last longer.
    pub(super) fn put_back(&self, until: Nanos, now: Nanos) {
        let until = time(until);
        let with_it = |word: u64| {
            let (tokens, others) = (word & TOKENS, word >> TOKEN_BITS);
            if tokens == 0 || time(now) >= others {
                Some(until << TOKEN_BITS | 1)
            } else {
                (others <= until && tokens < TOKENS).then_some(word + 1)
            }
        };
        // None: what is there stays.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, with_it);
    }

    /// Takes all out.
    pub(super) fn empty(&self, now: Nanos) -> u32 {
        let word = self.0.swap(0, Ordering::Relaxed);
        if time(now) < word >> TOKEN_BITS {
            (word & TOKENS) as u32
        } else {
            0
        }
    }

    pub(super) fn tokens(&self, now: Nanos) -> u32 {
        let word = self.0.load(Ordering::Relaxed);
        if time(now) < word >> TOKEN_BITS {
            (word & TOKENS) as u32
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Nanos = 1_000_000;

    #[test]
    fn tokens_are_spent_one_by_one_until_their_time_is_over() {
        let pot = Pot::default();
        assert_eq!(pot.take(5 * MS), None);
        pot.fill(3, 10 * MS);
        assert!(pot.take(5 * MS).is_some_and(|until| until <= 10 * MS));
        assert_eq!(pot.tokens(5 * MS), 2);
        assert_eq!((pot.take(10 * MS), pot.tokens(10 * MS)), (None, 0));
        assert_eq!(pot.empty(9 * MS), 2);
        assert_eq!(pot.take(5 * MS), None);
    }

    #[test]
    fn a_token_put_back_never_lasts_longer_than_it_would_have() {
        let pot = Pot::default();
        pot.put_back(10 * MS, 5 * MS);
        assert_eq!(pot.tokens(9 * MS), 1);
        pot.put_back(20 * MS, 5 * MS); // ends with the other
        assert_eq!((pot.tokens(9 * MS), pot.tokens(11 * MS)), (2, 0));
        pot.put_back(8 * MS, 5 * MS); // would have been prolonged
        assert_eq!(pot.tokens(5 * MS), 2);
        pot.put_back(30 * MS, 15 * MS); // the others are over
        assert_eq!(pot.tokens(16 * MS), 1);
    }

    #[test]
    fn threads_never_spend_more_than_there_is() {
        const TOKENS: u32 = 50_000;
        let pot = Pot::default();
        pot.fill(TOKENS, 10 * MS);
        let take_all = || std::iter::from_fn(|| pot.take(MS)).count();
        let spent: usize = std::thread::scope(|scope| {
            let threads = [scope.spawn(take_all), scope.spawn(take_all)];
            threads.map(|thread| thread.join().unwrap()).iter().sum()
        });
        assert_eq!(spent, TOKENS as usize);
    }
}
