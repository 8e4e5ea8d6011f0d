//! What one instance knows of an account that a fleet shares: pure.
//!
//! At most one request is under way. Callers that need a token meanwhile are counted, and the next request
//! asks for all of them; so that a caller waits for two round trips at the most, and a crowd costs no more
//! of them than one caller does. With a lease more is asked for, ahead of need.

mod rules;

use std::collections::VecDeque;

use crate::breaker::Nanos;
use crate::quota::lease::{self, BatchSize, Bounds};
use crate::quota::{Counting, Granted, Hint, share};
pub(crate) use rules::Rules;

/// How long a token lasts that was asked for by a caller who did not take it: as credit for the next.
const CREDIT: Nanos = 1_000_000_000;

/// A request to the store.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ask {
    pub(super) number: u64,
    pub(super) counting: Counting,
    pub(super) want: u32,
    pub(super) hint: Hint,
}

/// Tokens of one answer.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Batch {
    tokens: u32,
    /// The first half is still to come.
    whole: bool,
    until: Nanos,
    /// By the store's clock.
    at: f64,
}

#[derive(Clone, Copy, Debug)]
struct Flight {
    number: u64,
    sent: Nanos,
    want: u32,
    /// What comes is what was spent meanwhile.
    pays: bool,
}

/// What an answer brought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct News {
    /// Leased tokens came, by which this time of the store's they go back unless they are spent.
    pub(super) leased: Option<f64>,
}

/// What was told last.
#[derive(Clone, Copy, Debug)]
struct Told {
    left: u32,
    full_at: Nanos,
    at: Nanos,
}

#[derive(Debug)]
pub(super) struct Ledger {
    asked: u64,
    answered: u64,
    flight: Option<Flight>,
    /// Callers whose tokens no request has asked for yet.
    needed: u32,
    /// Before this time there is none.
    next: Nanos,
    /// Until then nothing is asked for ahead of need.
    strict_until: Nanos,
    hint: Hint,
    told: Option<Told>,
    batches: VecDeque<Batch>,
    /// Of which batch the tokens at hand are.
    at_hand: f64,
    size: BatchSize,
    /// When the last batch was asked for, and how many it was.
    last: Option<(Nanos, u32)>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            asked: 0,
            answered: 0,
            flight: None,
            needed: 0,
            next: 0,
            strict_until: 0,
            hint: Hint::default(),
            told: None,
            batches: VecDeque::new(),
            at_hand: 0.0,
            size: BatchSize::FIRST,
            last: None,
        }
    }
}

impl Ledger {
    fn lease(&self, rules: Rules, now: Nanos) -> Option<Nanos> {
        rules.lease.filter(|_| now >= self.strict_until)
    }

    /// One more caller needs a token: the number of the request that asks for it, and the request if it is
    /// to be sent now.
    pub(super) fn need(&mut self, rules: Rules, now: Nanos) -> (u64, Option<Ask>) {
        if let Some(flight) = self.flight {
            if self.lease(rules, now).is_some() && !flight.pays {
                return (flight.number, None); // a batch is for all
            }
            self.needed += 1;
            return (self.asked + 1, None);
        }
        self.needed += 1;
        let ask = self.ask(rules, now);
        (ask.number, Some(ask))
    }

    /// A caller that needed a token has gone before it was asked for.
    pub(super) fn unneed(&mut self, number: u64) {
        if number > self.asked {
            self.needed = self.needed.saturating_sub(1);
        }
    }

    fn ask(&mut self, rules: Rules, now: Nanos) -> Ask {
        let mut want = std::mem::take(&mut self.needed);
        if let (
            Some(lease),
            Counting::Bucket {
                interval,
                tolerance,
                ..
            },
        ) = (self.lease(rules, now), rules.counting)
        {
            let bounds = Bounds {
                interval,
                tolerance,
                lease,
            };
            if let Some((when, spent)) = self.last {
                self.size = self.size.after(spent, now - when.min(now), lease, bounds);
            }
            want = want.max(self.size.get());
        }
        self.last = Some((now, want));
        self.send(rules, want, false, now)
    }

    fn send(&mut self, rules: Rules, want: u32, pays: bool, now: Nanos) -> Ask {
        self.asked += 1;
        let number = self.asked;
        self.flight = Some(Flight {
            number,
            sent: now,
            want,
            pays,
        });
        Ask {
            number,
            counting: rules.counting,
            want,
            hint: Hint {
                ahead: self.full_in(now),
                ..self.hint
            },
        }
    }

    /// The next batch, where the last half of the one before is being spent.
    pub(super) fn ahead(&mut self, rules: Rules, now: Nanos) -> Option<Ask> {
        let wants = self.flight.is_none()
            && self.batches.is_empty()
            && now >= self.next
            && self.lease(rules, now).is_some();
        wants.then(|| self.ask(rules, now))
    }

    /// Asks for those who came since the last request was sent.
    pub(super) fn follow(&mut self, rules: Rules, now: Nanos) -> Option<Ask> {
        let wants = self.flight.is_none() && self.needed > 0 && now >= self.next;
        wants.then(|| self.ask(rules, now))
    }

    /// Tokens spent while the fleet was out of reach are taken now, as far as there are so many; the lease
    /// waits until a bucket would have filled.
    pub(super) fn pay(&mut self, rules: Rules, spent: u32, now: Nanos) -> Option<Ask> {
        if let Counting::Bucket { tolerance, .. } = rules.counting {
            self.strict_until = now.saturating_add(tolerance);
        }
        self.size = BatchSize::FIRST;
        (spent > 0 && self.flight.is_none()).then(|| self.send(rules, spent, true, now))
    }

    /// Whether this request is still waited for.
    pub(super) fn awaits(&self, number: u64) -> bool {
        self.flight.is_some_and(|flight| flight.number == number)
    }

    /// Whether there is an answer to the request of this number, or will be none.
    pub(super) fn is_answered(&self, number: u64) -> bool {
        self.answered >= number
    }

    /// The answer to a request; none where nobody waits for it any more: late tokens are lost.
    pub(super) fn heard(
        &mut self,
        rules: Rules,
        number: u64,
        granted: Granted,
        now: Nanos,
    ) -> Option<News> {
        let flight = self.flight.take_if(|flight| flight.number == number)?;
        self.answered = number;
        if granted.hint.mark >= self.hint.mark {
            self.hint = granted.hint;
        }
        self.told = Some(Told {
            left: granted.left,
            full_at: now.saturating_add(granted.full_in),
            at: now,
        });
        let lease = self.lease(rules, now);
        self.next = 0;
        if granted.tokens < flight.want {
            let pause = match (lease, rules.counting) {
                (Some(lease), Counting::Bucket { tolerance, .. }) => lease::pause(lease, tolerance),
                _ => 0,
            };
            self.next = now.saturating_add(granted.wait.max(pause));
        }
        if self.next > now {
            self.answer_the_rest();
        }
        if granted.tokens < flight.want {
            self.last = None; // how fast it goes is the limit's doing, not the callers'
        }
        if flight.pays || granted.tokens == 0 {
            return Some(News { leased: None });
        }
        self.batches.push_back(Batch {
            tokens: granted.tokens,
            whole: lease.is_some(),
            until: lease.map_or(now.saturating_add(CREDIT), |lease| {
                lease::spent_until(flight.sent, lease)
            }),
            at: granted.at,
        });
        Some(News {
            leased: lease.map(|_| granted.at),
        })
    }

    /// There will be no answer, neither to what was asked nor to what would have been asked next. Gives what
    /// was to be paid, which may not have been.
    pub(super) fn give_up(&mut self) -> u32 {
        let flight = self.flight.take().filter(|flight| flight.pays);
        self.answer_the_rest();
        flight.map_or(0, |flight| flight.want)
    }

    /// Those who came since the last request know as much as an answer would tell them.
    fn answer_the_rest(&mut self) {
        self.needed = 0;
        self.asked += 1;
        self.answered = self.asked;
    }

    /// Tokens to put at hand where there are none, and until when they last.
    pub(super) fn refill(&mut self, now: Nanos) -> Option<(u32, Nanos)> {
        while let Some(batch) = self.batches.front_mut() {
            if now >= batch.until {
                self.batches.pop_front();
                continue;
            }
            // Half of a leased one stays back: when that is fetched, it is time to ask for more.
            let (at, until) = (batch.at, batch.until);
            let stays = if batch.whole { batch.tokens / 2 } else { 0 };
            let tokens = batch.tokens - stays;
            if stays > 0 {
                (batch.tokens, batch.whole) = (stays, false);
            } else {
                self.batches.pop_front();
            }
            self.at_hand = at;
            return Some((tokens, until));
        }
        None
    }

    /// Takes what is left of the batch of that time; whether those at hand are of it too.
    pub(super) fn take_back(&mut self, at: f64) -> (u32, bool) {
        let is_it = |batch: &Batch| batch.at.to_bits() == at.to_bits();
        let kept = self.batches.iter().filter(|batch| is_it(batch));
        let tokens = kept.map(|batch| batch.tokens).sum();
        self.batches.retain(|batch| !is_it(batch));
        (tokens, self.at_hand.to_bits() == at.to_bits())
    }

    /// Time until there may be a token for who comes after so many others.
    pub(super) fn turn_in(&self, rules: Rules, now: Nanos, before: usize) -> Nanos {
        let wait = self.next.saturating_sub(now);
        match rules.counting {
            _ if wait == 0 => 0,
            Counting::Bucket { interval, .. } => {
                wait.saturating_add(interval.saturating_mul(before as Nanos))
            }
            Counting::Window { .. } => wait,
        }
    }

    /// Before this time there is none.
    pub(super) fn next(&self) -> Nanos {
        self.next
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.flight.is_some()
    }

    /// What was left when it was last told; none where it never was.
    pub(super) fn told_left(&self) -> Option<u32> {
        self.told.map(|told| told.left)
    }

    /// When it was last told anything.
    pub(super) fn told_at(&self) -> Nanos {
        self.told.map_or(0, |told| told.at)
    }

    /// Time until everything is back.
    pub(super) fn full_in(&self, now: Nanos) -> Nanos {
        self.told.map_or(0, |told| told.full_at.saturating_sub(now))
    }

    /// Tokens of the fleet that are left, as far as is known, and those that are kept here.
    pub(super) fn left(&self, rules: Rules, now: Nanos) -> u32 {
        let most = share::most(rules.counting);
        let full_in = self.full_in(now);
        let left = match (rules.counting, self.told) {
            _ if full_in == 0 => most,
            (
                Counting::Bucket {
                    interval,
                    tolerance,
                    ..
                },
                _,
            ) => (tolerance.saturating_sub(full_in) / interval) as u32,
            (Counting::Window { .. }, told) => told.map_or(most, |told| told.left),
        };
        let kept: u32 = self.batches.iter().map(|batch| batch.tokens).sum();
        left.saturating_add(kept).min(most)
    }
}

#[cfg(test)]
mod tests;
