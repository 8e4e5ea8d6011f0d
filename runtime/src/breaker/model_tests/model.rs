//! A breaker as the contract tells it, with nothing clever: every outcome is kept with its time,
//! and every rule is read off the list whenever it is asked for.

use super::super::policy::WindowSize;
use super::super::state::{State, Transition};
use super::super::window::{Nanos, Outcome};
use super::policies::Policy;

/// What let a call pass, and in which stretch between two changes of state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Leave {
    period: u32,
    pub(super) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ordinary,
    Probe(u32),
    Uncounted,
}

/// What the status shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) failures: u64,
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) slow: u64,
}

pub(super) struct Model {
    policy: Policy,
    state: State,
    period: u32,
    began: Nanos,
    log: Vec<(Nanos, Outcome)>,
    pub(super) open_until: Nanos,
    opened_in_a_row: u32,
    tripped: Option<Seen>,
    probes: Vec<(u32, Nanos)>,
    next_probe: u32,
    good_probes: u32,
}

impl Model {
    pub(super) fn new(policy: Policy, now: Nanos) -> Self {
        Self {
            policy,
            state: State::Closed,
            period: 0,
            began: now,
            log: Vec::new(),
            open_until: 0,
            opened_in_a_row: 0,
            tripped: None,
            probes: Vec::new(),
            next_probe: 0,
            good_probes: 0,
        }
    }

    pub(super) fn state(&self, now: Nanos) -> State {
        match self.state {
            State::Open if now >= self.open_until => State::HalfOpen,
            state => state,
        }
    }

    /// Probes that hold a place, and places.
    pub(super) fn places(&self) -> (usize, usize) {
        (self.probes.len(), self.policy.half_open)
    }

    pub(super) fn admit(
        &mut self,
        now: Nanos,
    ) -> Result<(Leave, Option<Transition>), Option<Nanos>> {
        let mut change = None;
        let kind = match self.state {
            State::Closed => Kind::Ordinary,
            State::Disabled => Kind::Uncounted,
            State::ForcedOpen => return Err(None),
            State::Open if now < self.open_until => return Err(Some(self.open_until - now)),
            State::Open | State::HalfOpen => {
                if self.state == State::Open {
                    change = Some(self.turn(State::HalfOpen, now));
                }
                let lease = self.policy.probe_timeout;
                self.probes.retain(|(_, taken)| now - taken < lease);
                if self.probes.len() == self.policy.half_open {
                    return Err(None);
                }
                self.next_probe += 1;
                self.probes.push((self.next_probe, now));
                Kind::Probe(self.next_probe)
            }
        };
        let period = self.period;
        Ok((Leave { period, kind }, change))
    }

    pub(super) fn end(
        &mut self,
        leave: Leave,
        outcome: Option<Outcome>,
        now: Nanos,
    ) -> Option<Transition> {
        if leave.period != self.period {
            return None;
        }
        match leave.kind {
            Kind::Uncounted => None,
            Kind::Ordinary => self.count(outcome?, now),
            Kind::Probe(id) => {
                let held = self.probes.iter().position(|(held, _)| *held == id)?;
                self.probes.remove(held);
                self.judge(outcome?, now)
            }
        }
    }

    fn count(&mut self, outcome: Outcome, now: Nanos) -> Option<Transition> {
        self.log.push((now, outcome));
        self.trips(now).then(|| {
            self.tripped = Some(self.seen(now));
            self.open(now)
        })
    }

    fn judge(&mut self, outcome: Outcome, now: Nanos) -> Option<Transition> {
        if outcome.failed || outcome.slow {
            return Some(self.open(now));
        }
        self.good_probes += 1;
        (self.good_probes == self.policy.close_after).then(|| self.close(now))
    }

    fn in_window(&self, now: Nanos) -> Vec<Outcome> {
        let log = self.log.iter();
        match self.policy.window {
            WindowSize::Unbounded => log.map(|(_, outcome)| *outcome).collect(),
            WindowSize::Calls(calls) => log
                .rev()
                .take(calls as usize)
                .map(|(_, outcome)| *outcome)
                .collect(),
            WindowSize::Time(window) => {
                let bucket = |time: Nanos| (time - self.began) / (window / 10);
                log.filter(|(time, _)| bucket(now) - bucket(*time) <= 9)
                    .map(|(_, outcome)| *outcome)
                    .collect()
            }
        }
    }

    pub(super) fn until_next_bucket(&self, width: Nanos, now: Nanos) -> Nanos {
        width - (now - self.began) % width
    }

    fn failures_in_a_row(&self, now: Nanos) -> u64 {
        let run = self
            .log
            .iter()
            .rev()
            .take_while(|(_, outcome)| outcome.failed);
        let young = |time: Nanos| match self.policy.window {
            WindowSize::Time(window) => now - time < window,
            _ => true,
        };
        run.filter(|(time, _)| young(*time)).count() as u64
    }

    fn now_seen(&self, now: Nanos) -> Seen {
        let window = self.in_window(now);
        let count =
            |is: fn(&Outcome) -> bool| window.iter().filter(|outcome| is(outcome)).count() as u64;
        let failed = count(|outcome| outcome.failed);
        let in_a_row = self.policy.counts_runs();
        Seen {
            failures: if in_a_row {
                self.failures_in_a_row(now)
            } else {
                failed
            },
            calls: window.len() as u64,
            failed,
            slow: count(|outcome| outcome.slow),
        }
    }

    /// What tripped it, until it closes; else what is counted now.
    pub(super) fn seen(&self, now: Nanos) -> Seen {
        self.tripped.unwrap_or_else(|| self.now_seen(now))
    }

    fn trips(&self, now: Nanos) -> bool {
        let seen = self.now_seen(now);
        let enough = seen.calls >= self.policy.min_calls;
        let reaches = |part: u64, percent: Option<u64>| {
            percent.is_some_and(|percent| enough && part * 100 >= percent * seen.calls)
        };
        self.policy
            .failures
            .is_some_and(|most| seen.failures >= most.into())
            || reaches(seen.failed, self.policy.failure_percent)
            || reaches(seen.slow, self.policy.slow_percent)
    }

    fn open(&mut self, now: Nanos) -> Transition {
        let mut time = self.policy.recovery as f64;
        for _ in 0..self.opened_in_a_row {
            time = (time * self.policy.recovery_factor).min(self.policy.recovery_max as f64);
        }
        self.opened_in_a_row += 1;
        self.open_until = now + time as Nanos;
        self.turn(State::Open, now)
    }

    fn close(&mut self, now: Nanos) -> Transition {
        self.opened_in_a_row = 0;
        self.tripped = None;
        self.turn(State::Closed, now)
    }

    fn turn(&mut self, to: State, now: Nanos) -> Transition {
        let from = std::mem::replace(&mut self.state, to);
        self.period += 1;
        self.began = now;
        self.log.clear();
        self.probes.clear();
        self.good_probes = 0;
        Transition { from, to }
    }

    pub(super) fn reset(&mut self, now: Nanos) -> Option<Transition> {
        let change = self.close(now);
        (change.from != State::Closed).then_some(change)
    }

    pub(super) fn hold(&mut self, state: State, now: Nanos) -> Option<Transition> {
        (self.state != state).then(|| self.turn(state, now))
    }

    pub(super) fn release(&mut self, now: Nanos) -> Option<Transition> {
        match self.state {
            State::ForcedOpen | State::Disabled => Some(self.close(now)),
            _ => None,
        }
    }
}
