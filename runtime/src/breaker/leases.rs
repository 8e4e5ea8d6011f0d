//! Leases for the probes of a breaker that a fleet shares, as one instance has them and asks for them.

use std::collections::VecDeque;

use super::message::Lease;
use super::window::Nanos;

/// A lease that no call takes goes back after this: somebody else may have calls to make.
const UNUSED: Nanos = 1_000_000_000;

#[derive(Clone, Debug, Default)]
pub(super) struct Leases {
    held: VecDeque<Held>,
    /// Calls that ask for a lease, each for one of its own.
    asking: u64,
    /// Requests that were answered, or will not be: whoever waits for one compares.
    rounds: u64,
    /// None is to be had before.
    none_until: Nanos,
}

/// A lease that no call has taken yet.
#[derive(Clone, Debug)]
struct Held {
    lease: Lease,
    expires: Nanos,
    since: Nanos,
}

impl Leases {
    /// One that has not ended, and when it does.
    pub(super) fn take(&mut self, now: Nanos) -> Option<(Lease, Nanos)> {
        while let Some(held) = self.held.pop_front() {
            if now < held.expires {
                return Some((held.lease, held.expires));
            }
        }
        None
    }

    /// Asks for one, of which the fleet has so many; the number of rounds after which it is no use to
    /// wait longer. None where there is none to be had at the moment.
    pub(super) fn ask(&mut self, places: usize, now: Nanos) -> Option<u64> {
        if now < self.none_until || self.asking >= places as u64 {
            return None;
        }
        self.asking += 1;
        Some(self.rounds + self.asking)
    }

    pub(super) fn are_asked_for(&self) -> bool {
        self.asking > 0
    }

    pub(super) fn is_through(&self, round: u64) -> bool {
        self.rounds >= round
    }

    /// One was granted.
    pub(super) fn granted(&mut self, lease: Lease, expires: Nanos, now: Nanos) {
        self.held.push_back(Held {
            lease,
            expires,
            since: now,
        });
        if self.asking > 0 {
            self.asking -= 1;
            self.rounds += 1;
        }
    }

    /// None was to be had, and none will be before then: whoever asked did so in vain.
    pub(super) fn none_before(&mut self, time: Nanos) {
        self.none_until = time;
        self.end_rounds();
    }

    /// Whoever asked did so in vain.
    pub(super) fn end_rounds(&mut self) {
        self.rounds += self.asking;
        self.asking = 0;
    }

    /// Those of a state that is over: none is held, and any may be asked for.
    pub(super) fn clear(&mut self) {
        self.held.clear();
        self.none_until = 0;
    }

    /// Those that no call has taken for a while.
    pub(super) fn unused(&mut self, now: Nanos) -> impl Iterator<Item = Lease> {
        std::iter::from_fn(move || {
            let _unused = self.idle_until().filter(|until| now >= *until)?;
            self.held.pop_front().map(|held| held.lease)
        })
    }

    /// When the oldest will not have been taken for a while.
    pub(super) fn idle_until(&self) -> Option<Nanos> {
        self.held
            .front()
            .map(|held| held.since.saturating_add(UNUSED))
    }
}
