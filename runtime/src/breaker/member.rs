//! One instance's part of a breaker that a fleet shares: pure, as the rules are.
//!
//! The fleet's state is decided in one place, the store, and each state there has an epoch. This
//! instance counts what it sees, tells it in numbered batches, and takes over whatever state has a
//! higher epoch than the one it knows. While the store is away it goes by its own rules, and what it
//! comes to so has no epoch: when the store is back, the store's word holds, and what was not told
//! before follows.
//!
//! What there is to tell is asked for with [`next`](Member::next), one [`Message`] at a time, and what
//! came of it is said with the methods named `told_…`: nothing here knows how a message travels.

use std::collections::VecDeque;

use super::leases::Leases;
use super::message::{Batch, Lease, Message, ProbeEnd, Seen, Steer};
use super::state::State;
use super::window::{BUCKETS, Buckets, Counts, Nanos, Outcome, TimeWindow};

/// Whether the store leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It was asked for the state and has not answered yet: nothing is decided for so long.
    Asking,
    /// It does.
    Joined,
    /// It is away, or was never there: the instance goes by its own rules.
    Apart,
}

/// Successes go this often, where only a rate wants them.
pub(crate) const SUCCESSES_EVERY: Nanos = 100_000_000;

#[derive(Clone, Debug)]
pub(crate) struct Member {
    standing: Standing,
    /// The last state that the store told, and when.
    known: Seen,
    known_at: Nanos,
    /// Failures and slow calls that were not told yet.
    unsent: TimeWindow,
    /// Successes that were taken off each bucket of the threads' own counts already.
    taken: [(u64, u64); BUCKETS as usize],
    successes: u64,
    successes_at: Nanos,
    in_flight: Option<(Batch, Nanos)>,
    seq: u64,
    leases: Leases,
    ended: VecDeque<(Lease, ProbeEnd)>,
    steering: VecDeque<Steer>,
    /// The store knows less than this instance.
    restores: bool,
}

impl Member {
    /// Of an instance that is about to ask the fleet. `window` is what counts age in.
    pub(crate) fn new(window: Option<Nanos>, now: Nanos) -> Self {
        Self {
            standing: Standing::Asking,
            known: Seen {
                state: State::Closed,
                epoch: 0,
                remaining: 0,
                opens: 0,
                counts: Counts::default(),
            },
            known_at: now,
            unsent: TimeWindow::new(Buckets::over(window)),
            taken: [(u64::MAX, 0); BUCKETS as usize],
            successes: 0,
            successes_at: now,
            in_flight: None,
            seq: 0,
            leases: Leases::default(),
            ended: VecDeque::new(),
            steering: VecDeque::new(),
            restores: false,
        }
    }

    /// Whether the store decides.
    pub(crate) fn is_led(&self) -> bool {
        self.standing != Standing::Apart
    }

    /// What the whole fleet has counted, as far as it is known.
    pub(crate) fn seen(&self, now: Nanos) -> Counts {
        let sent = self
            .in_flight
            .map_or(Counts::default(), |(batch, _)| batch.counts);
        self.known.counts + sent + self.uncounted(now)
    }

    /// What was not told yet.
    fn uncounted(&self, now: Nanos) -> Counts {
        let mut counts = self.unsent.counts(0, now);
        counts.calls += self.successes;
        counts
    }

    /// Other thresholds may cut the window otherwise.
    pub(crate) fn recut(&mut self, window: Option<Nanos>) {
        let buckets = Buckets::over(window);
        if self.unsent.buckets != buckets {
            self.unsent = TimeWindow::new(buckets);
        }
    }

    // ----- what happens here -----

    /// A call ended that the closed state admitted. Plain successes are counted elsewhere.
    pub(crate) fn counted(&mut self, outcome: Outcome, now: Nanos) {
        if !outcome.is_plain() {
            self.unsent.add(0, now, outcome);
        }
    }

    /// The threads' own counts of successes, bucket by bucket, as they are now.
    pub(crate) fn successes(&mut self, buckets: impl Iterator<Item = (u64, u64)>) {
        for (id, count) in buckets {
            let (held, taken) = &mut self.taken[(id % BUCKETS) as usize];
            if *held != id {
                (*held, *taken) = (id, 0);
            }
            self.successes += count.saturating_sub(*taken);
            *taken = count;
        }
    }

    /// The threads' counts begin anew.
    pub(crate) fn begin_window(&mut self) {
        self.taken = [(u64::MAX, 0); BUCKETS as usize];
    }

    /// A lease for a probe, if there is one, and when it ends.
    pub(crate) fn take_lease(&mut self, now: Nanos) -> Option<(Lease, Nanos)> {
        self.leases.take(now)
    }

    /// Asks for a lease, of which the fleet has so many; see [`Leases::ask`].
    pub(crate) fn ask(&mut self, places: usize, now: Nanos) -> Option<u64> {
        self.leases.ask(places, now)
    }

    /// Whether that many requests for a lease are through.
    pub(crate) fn is_through(&self, round: u64) -> bool {
        !self.is_led() || self.leases.is_through(round)
    }

    /// A probe with a lease ended.
    pub(crate) fn probe_ended(&mut self, lease: Lease, end: ProbeEnd) {
        self.ended.push_back((lease, end));
    }

    /// Somebody did something by hand, which holds here already. What sets a state makes whatever was
    /// to be told before pointless.
    pub(crate) fn steer(&mut self, steer: Steer) {
        if steer == Steer::Release {
            if self.steering.back() != Some(&Steer::Release) {
                self.steering.push_back(steer);
            }
        } else {
            self.steering.clear();
            self.steering.push_back(steer);
        }
    }

    /// The store is away: leases are worth nothing, and who waits for one waits in vain.
    pub(crate) fn part(&mut self) {
        self.standing = Standing::Apart;
        self.leases.clear();
        self.leases.end_rounds();
    }

    // ----- what there is to tell -----

    /// The next thing to tell the store; nothing while it is away, but to ask for the state.
    pub(crate) fn next(&mut self, now: Nanos) -> Option<Message> {
        // Before all else: what is done by hand to a state means nothing where that was forgotten.
        if self.restores {
            return Some(Message::Restore(self.known_now(now)));
        }
        if let Some(steer) = self.steering.front() {
            return Some(Message::Steer(*steer));
        }
        if self.standing != Standing::Joined {
            return Some(Message::Read);
        }
        let unused = self.leases.unused(now);
        self.ended
            .extend(unused.map(|lease| (lease, ProbeEnd::Gone)));
        if let Some((lease, end)) = self.ended.front() {
            return Some(Message::Probed(lease.clone(), *end));
        }
        if self.leases.are_asked_for() {
            return Some(Message::Acquire);
        }
        self.next_batch(now).map(Message::Record)
    }

    /// When there may be something to tell though nothing happens: a lease that goes back.
    pub(crate) fn idle_until(&self) -> Option<Nanos> {
        self.leases.idle_until()
    }

    fn next_batch(&mut self, now: Nanos) -> Option<Batch> {
        if let Some((batch, _)) = self.in_flight {
            return Some(batch); // not known to have arrived: the same again
        }
        let counts = self.uncounted(now);
        let due = now >= self.successes_at.saturating_add(SUCCESSES_EVERY);
        if counts.failed == 0 && counts.slow == 0 && !(due && counts.calls > 0) {
            return None;
        }
        self.seq += 1;
        let batch = Batch {
            epoch: self.known.epoch,
            seq: self.seq,
            counts,
        };
        self.forget_unsent();
        self.successes_at = now;
        self.in_flight = Some((batch, now));
        Some(batch)
    }

    fn forget_unsent(&mut self) {
        self.unsent = TimeWindow::new(self.unsent.buckets);
        self.successes = 0;
    }

    /// The state it knows, with what is left of it now.
    fn known_now(&self, now: Nanos) -> Seen {
        let since = now.saturating_sub(self.known_at);
        Seen {
            remaining: self.known.remaining.saturating_sub(since),
            ..self.known
        }
    }

    // ----- what came of it -----

    /// A batch was answered.
    pub(crate) fn told_batch(&mut self, batch: &Batch) {
        if self
            .in_flight
            .is_some_and(|(sent, _)| sent.seq == batch.seq)
        {
            self.in_flight = None;
        }
    }

    /// A request for a lease was answered. One that was granted lasts from when it was sent; where
    /// there was none, the next is asked for after `hold`.
    pub(crate) fn told_lease(&mut self, lease: Option<(Lease, Nanos)>, hold: Nanos, now: Nanos) {
        match lease {
            Some((lease, expires)) => self.leases.granted(lease, expires, now),
            None => self.leases.none_before(now.saturating_add(hold)),
        }
    }

    /// The end of a probe was heard of, or is no use any more.
    pub(crate) fn told_probe(&mut self, lease: &str) {
        self.ended.retain(|(ended, _)| **ended != *lease);
    }

    /// Whether the store forgot what is known here. Whatever it made of a message then is to be told
    /// again, once the state is restored.
    pub(crate) fn is_forgotten_by(&self, seen: &Seen) -> bool {
        seen.epoch < self.known.epoch
    }

    pub(crate) fn told_steer(&mut self, steer: Steer) {
        if self.steering.front() == Some(&steer) {
            self.steering.pop_front();
        }
    }

    pub(crate) fn told_restore(&mut self) {
        self.restores = false;
    }

    /// Whether what the store says replaces what is known here. What somebody did by hand here, and the
    /// store has not heard of yet, holds.
    pub(crate) fn hears(&mut self, seen: Seen, now: Nanos) -> Hears {
        let steering = !self.steering.is_empty();
        let was_apart = self.standing != Standing::Joined;
        if !steering {
            self.standing = Standing::Joined;
        }
        if self.is_forgotten_by(&seen) {
            self.restores = true;
            return if was_apart && !steering {
                Hears::KnownAgain
            } else {
                Hears::Nothing
            };
        }
        self.restores = false;
        if steering {
            return Hears::Nothing;
        }
        let newer = seen.epoch > self.known.epoch;
        if newer {
            // What belonged to the state before counts in no other.
            self.in_flight = None;
            self.forget_unsent();
            self.leases.clear();
            self.ended.clear();
            // That somebody else began to probe is no reason not to.
            if seen.state != State::HalfOpen {
                self.leases.end_rounds();
            }
        } else if was_apart {
            // What is too old for the window is not told any more.
            let width = self.unsent.buckets.width().unwrap_or(Nanos::MAX);
            let window = width.saturating_mul(BUCKETS);
            self.in_flight = self
                .in_flight
                .filter(|(_, at)| now.saturating_sub(*at) < window);
        }
        (self.known, self.known_at) = (seen, now);
        match (newer, was_apart) {
            (true, _) => Hears::Newer,
            (false, true) => Hears::KnownAgain,
            (false, false) => Hears::Nothing,
        }
    }

    /// The state that the store led to last, and what is left of it.
    pub(crate) fn led_to(&self, now: Nanos) -> Seen {
        self.known_now(now)
    }
}

/// What the rules make of something that the store said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hears {
    Nothing,
    /// Another state.
    Newer,
    /// The state that was known before the store was away: whatever was decided here meanwhile is void.
    KnownAgain,
}
