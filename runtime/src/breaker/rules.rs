//! The breaker's rules: pure, with no clock, lock, atomic or telemetry.
//!
//! The states are those of Michael Nygard's circuit breaker ("Release It!", 2007), with bounded
//! probes on leases, and epochs: an outcome belongs to the state that admitted its call.

use super::member::Member;
use super::message::{Lease, ProbeEnd};
use super::policy::{LooksBack, Thresholds, WindowSize};
use super::state::{State, Transition};
use super::window::{Buckets, CallWindow, Counts, FailureRun, Nanos, Outcome, TimeWindow};
use crate::backed::Backed;
use steadfast_options::Counting;

mod led;

/// Counts as `status` shows them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    /// As the `failures` rule counts.
    pub(crate) failures: u64,
    pub(crate) counts: Counts,
}

impl Shown {
    /// Of rules that count all failures in a window.
    fn of(counts: Counts) -> Self {
        Self {
            failures: counts.failed,
            counts,
        }
    }
}

/// Times that come further out of order than this are no race between threads, but a clock that
/// was turned back, as tests can.
const RACE: Nanos = 1_000_000_000;

/// A place among the probes, held until its result or its expiry.
#[derive(Clone, Debug)]
struct Probe {
    token: u64,
    expires: Nanos,
    /// Of a breaker that a fleet shares.
    lease: Option<Lease>,
}

/// Why no probe may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoProbe {
    /// Until a probe may be tried; none where that depends on other probes.
    Before(Option<Nanos>),
    /// A lease is asked for: it is here, or not to be had, when so many such requests are through.
    Asked(u64),
}

/// What the rules remember.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) thresholds: Thresholds,
    pub(crate) state: State,
    /// One more with each change of state.
    pub(crate) epoch: u64,
    /// The epoch in which the current state began: later ones are fresh windows of it.
    pub(crate) since: u64,
    /// When the current window began.
    pub(crate) origin: Nanos,
    /// When an open breaker may be probed.
    pub(crate) open_until: Nanos,
    /// Until when a plain success cannot trip a rate over time.
    pub(crate) settled_until: Nanos,
    /// When it opened, until it closes.
    pub(crate) opened_at: Option<Nanos>,
    /// The counts that opened it, until it closes.
    tripped: Option<Shown>,
    opens: u32,
    run: FailureRun,
    window: History,
    probes: Vec<Probe>,
    probe_successes: u32,
    last_token: u64,
    latest: Nanos,
    /// Where a fleet shares the breaker: what this instance knows of it.
    pub(crate) fleet: Option<Backed<Box<Member>>>,
    /// The epoch here of the state that the fleet led to last.
    led: u64,
}

#[derive(Clone, Debug)]
#[allow(clippy::large_enum_variant)] // there is one a breaker, and a box would be made anew with each state
enum History {
    /// No rule looks at it.
    Unused,
    Time(TimeWindow),
    Calls(CallWindow),
}

impl History {
    fn new(thresholds: &Thresholds) -> Self {
        if thresholds.looks_back() == LooksBack::Never {
            return Self::Unused;
        }
        match thresholds.window {
            WindowSize::Calls(calls) => Self::Calls(CallWindow::new(calls)),
            size => Self::Time(TimeWindow::new(Buckets::over(size.time()))),
        }
    }
}

impl Rules {
    pub(crate) fn new(thresholds: Thresholds, now: Nanos) -> Self {
        Self {
            run: FailureRun::new(thresholds.failures.unwrap_or(0), thresholds.window.time()),
            window: History::new(&thresholds),
            state: State::Closed,
            epoch: 1,
            since: 1,
            origin: now,
            open_until: 0,
            settled_until: 0,
            opened_at: None,
            tripped: None,
            opens: 0,
            probes: Vec::new(),
            probe_successes: 0,
            last_token: 0,
            latest: now,
            fleet: None,
            led: 0,
            thresholds,
        }
    }

    /// Goes on by other thresholds, with state and counts as they are. Where what it looks back on
    /// is another window, that starts afresh.
    pub(crate) fn retune(&mut self, thresholds: Thresholds, now: Nanos) {
        let before = std::mem::replace(&mut self.thresholds, thresholds);
        let rules = &self.thresholds;
        let other_window = before.window != rules.window || before.counting != rules.counting;
        if other_window {
            self.run = FailureRun::new(rules.failures.unwrap_or(0), rules.window.time());
        } else {
            self.run.count_to(rules.failures.unwrap_or(0));
        }
        if other_window || before.looks_back() != rules.looks_back() {
            self.window = History::new(rules);
            self.epoch += 1;
            self.origin = now;
        }
        self.settled_until = 0;
        if let Some(member) = &mut self.fleet {
            member.recut(rules.window.time());
            member.begin_window();
        }
        if let (State::Open, Some(opened_at)) = (self.state, self.opened_at)
            && !self.is_led()
        {
            self.open_until = opened_at.saturating_add(rules.open_time(self.opens));
        }
    }

    /// The time at which a call comes that read `now` off the clock, which it did before others
    /// had their turn: times here never go back. Where the clock itself did, all that is
    /// remembered moves with it, so that nothing lasts longer than it was to.
    pub(crate) fn meet(&mut self, now: Nanos) -> Nanos {
        let back = self.latest.saturating_sub(now);
        if back > RACE {
            let earlier = |time: &mut Nanos| *time = time.saturating_sub(back);
            [
                &mut self.origin,
                &mut self.open_until,
                &mut self.settled_until,
            ]
            .into_iter()
            .chain(self.opened_at.as_mut())
            .chain(self.probes.iter_mut().map(|probe| &mut probe.expires))
            .chain(self.run.times())
            .for_each(earlier);
            self.latest = now;
        }
        self.latest = self.latest.max(now);
        self.latest
    }

    /// How a time window is cut, where plain successes must be counted outside.
    pub(crate) fn buckets(&self) -> Option<Buckets> {
        match &self.window {
            History::Time(window) if self.thresholds.has_rate_rule() => Some(window.buckets),
            _ => None,
        }
    }

    /// Whether a plain success changes something here, whatever the time.
    pub(crate) fn wants_successes(&self) -> bool {
        let breaks_run = self.counts_runs() && !self.run.is_empty();
        breaks_run || matches!(&self.window, History::Calls(window) if !window.is_saturated())
    }

    /// Whether a plain success may complete `min_calls`, or meet a window that has moved on.
    pub(crate) fn may_trip_on_success(&self, now: Nanos) -> bool {
        self.buckets().is_some() && {
            let counts = self.history(now);
            counts.failed > 0 || counts.slow > 0
        }
    }

    /// Failures that are remembered one by one.
    #[cfg(test)]
    pub(crate) fn run(&self) -> &FailureRun {
        &self.run
    }

    fn counts_runs(&self) -> bool {
        self.thresholds.failures.is_some() && self.thresholds.counting == Counting::Consecutive
    }

    fn history(&self, now: Nanos) -> Counts {
        match &self.window {
            History::Unused => Counts::default(),
            History::Time(window) => window.counts(self.origin, now),
            History::Calls(window) => window.counts(),
        }
    }

    /// Counts the outcome of a call that the closed state of `epoch` admitted.
    ///
    /// `plain` is the number of plain successes in the time window, this one included where it
    /// is one.
    pub(crate) fn record(
        &mut self,
        epoch: u64,
        outcome: Outcome,
        now: Nanos,
        plain: u64,
    ) -> Option<Transition> {
        if epoch != self.epoch || self.state != State::Closed {
            return None;
        }
        // A run that no rule looks at is not remembered.
        if outcome.failed && self.counts_runs() {
            self.run.failed(now);
        } else {
            self.run.succeeded();
        }
        match &mut self.window {
            History::Calls(window) => window.add(outcome),
            History::Time(window) if !outcome.is_plain() => window.add(self.origin, now, outcome),
            _ => {}
        }
        if let Some(member) = &mut self.fleet {
            member.counted(outcome, now);
        }
        let counts = self.counts(now, plain);
        if !self.is_led() && self.trips(&counts, now) {
            self.tripped = Some(Shown {
                failures: self.failures(&counts, now),
                counts,
            });
            return Some(self.open(now));
        }
        if let Some(buckets) = self
            .buckets()
            .filter(|_| counts.calls >= self.thresholds.min_calls)
        {
            self.settled_until = buckets.end(self.origin, now);
        }
        None
    }

    /// Counts a failure in the state that is now, where it only lengthens a run and trips nothing;
    /// false, and nothing done, where there may be more to it. Comes to what [`record`](Self::record)
    /// does.
    pub(crate) fn lengthens_run(&mut self, outcome: Outcome, now: Nanos) -> bool {
        let only_runs = self.counts_runs() && matches!(self.window, History::Unused);
        if !only_runs
            || !outcome.failed
            || self.state != State::Closed
            || self.fleet.is_some()
            || now < self.latest
            || !self.run.stays_below(self.thresholds.failures.unwrap_or(0))
        {
            return false;
        }
        self.latest = now;
        self.run.failed(now);
        true
    }

    /// All calls in the window.
    pub(crate) fn counts(&self, now: Nanos, plain: u64) -> Counts {
        let mut counts = self.history(now);
        if matches!(self.window, History::Time(_)) {
            counts.calls += plain;
        }
        counts
    }

    /// Failures as the `failures` rule counts them, else those in the window.
    fn failures(&self, counts: &Counts, now: Nanos) -> u64 {
        if self.counts_runs() {
            self.run.count(now)
        } else {
            counts.failed
        }
    }

    /// What `status` shows: the counts that tripped stay until it closes.
    pub(crate) fn shown(&self, now: Nanos, plain: u64) -> Shown {
        if let Some(member) = self.fleet.as_deref().filter(|member| member.is_led()) {
            return Shown::of(member.seen(now));
        }
        self.tripped.unwrap_or_else(|| {
            let counts = self.counts(now, plain);
            Shown {
                failures: self.failures(&counts, now),
                counts,
            }
        })
    }

    fn trips(&self, counts: &Counts, now: Nanos) -> bool {
        let rules = &self.thresholds;
        let enough = |most: u64| {
            if self.counts_runs() {
                self.run.reaches(most, now)
            } else {
                counts.failed >= most
            }
        };
        if rules.failures.is_some_and(|most| enough(most.into())) {
            return true;
        }
        if counts.calls < rules.min_calls || counts.calls == 0 {
            return false;
        }
        // A quotient is rounded as the ratio in the code was: 55 of 100 reaches 0.55.
        let reaches = |part: u64, rate: f64| part as f64 / counts.calls as f64 >= rate;
        rules
            .failure_rate
            .is_some_and(|rate| reaches(counts.failed, rate))
            || rules
                .slow
                .is_some_and(|slow| reaches(counts.slow, slow.rate))
    }

    /// A place for a probe, where the breaker is open and due or half-open.
    ///
    /// # Errors
    ///
    /// Why there is none.
    ///
    /// `round` is what a caller waits for that was told so before.
    pub(crate) fn probe(
        &mut self,
        now: Nanos,
        round: Option<u64>,
    ) -> Result<(u64, Option<Transition>), NoProbe> {
        match self.state {
            State::Open if now < self.open_until => {
                return Err(NoProbe::Before(Some(self.open_until - now)));
            }
            State::Open | State::HalfOpen => {}
            State::Closed | State::ForcedOpen | State::Disabled => {
                return Err(NoProbe::Before(None));
            }
        }
        if self.is_led() {
            return self.led_probe(now, round).map(|token| (token, None));
        }
        let open = self.state == State::Open;
        let transition = open.then(|| self.move_to(State::HalfOpen, now));
        // Exactly at its time-out a probe gives its place up.
        self.probes.retain(|probe| now < probe.expires);
        // Nobody counts the probes of a fleet whose store is away: each instance sends one.
        let places = self.fleet.as_ref().map_or(self.thresholds.half_open, |_| 1);
        if self.probes.len() >= places {
            return Err(NoProbe::Before(None));
        }
        let expires = now.saturating_add(self.thresholds.probe_timeout);
        Ok((self.send_probe(expires, None), transition))
    }

    fn send_probe(&mut self, expires: Nanos, lease: Option<Lease>) -> u64 {
        self.last_token += 1;
        self.probes.push(Probe {
            token: self.last_token,
            expires,
            lease,
        });
        self.last_token
    }

    /// Probes that are out now, and how many may be.
    pub(crate) fn probes(&self) -> (usize, usize) {
        (self.probes.len(), self.thresholds.half_open)
    }

    /// Whether the probe of this token has its place still.
    pub(crate) fn is_out(&self, token: u64) -> bool {
        self.probes.iter().any(|probe| probe.token == token)
    }

    /// The outcome of a probe; none where it ended without one.
    pub(crate) fn probed(
        &mut self,
        token: u64,
        outcome: Option<Outcome>,
        now: Nanos,
    ) -> Option<Transition> {
        let place = self.probes.iter().position(|probe| probe.token == token)?;
        let probe = self.probes.swap_remove(place);
        if let (Some(lease), Some(member)) = (probe.lease, &mut self.fleet) {
            member.probe_ended(lease, ProbeEnd::of(outcome));
        }
        if self.is_led() {
            return None;
        }
        match outcome? {
            Outcome {
                failed: false,
                slow: false,
            } => {
                self.probe_successes += 1;
                let enough = self.probe_successes >= self.thresholds.close_after;
                enough.then(|| self.close(now))
            }
            _ => Some(self.open(now)),
        }
    }

    fn open(&mut self, now: Nanos) -> Transition {
        self.opens = self.opens.saturating_add(1);
        self.opened_at = Some(now);
        self.open_until = now.saturating_add(self.thresholds.open_time(self.opens));
        self.move_to(State::Open, now)
    }

    fn close(&mut self, now: Nanos) -> Transition {
        self.opens = 0;
        (self.tripped, self.opened_at) = (None, None);
        self.move_to(State::Closed, now)
    }

    /// By hand: closed, counts and growth zero, any manual state ended.
    pub(crate) fn reset(&mut self, now: Nanos) -> Option<Transition> {
        let transition = self.close(now);
        (transition.from != State::Closed).then_some(transition)
    }

    /// By hand: refuse all, or let all through.
    pub(crate) fn hold(&mut self, state: State, now: Nanos) -> Option<Transition> {
        (self.state != state).then(|| self.move_to(state, now))
    }

    /// By hand: ends a manual state, else nothing.
    pub(crate) fn release(&mut self, now: Nanos) -> Option<Transition> {
        let manual = matches!(self.state, State::ForcedOpen | State::Disabled);
        manual.then(|| self.close(now))
    }

    fn move_to(&mut self, to: State, now: Nanos) -> Transition {
        let transition = Transition {
            from: self.state,
            to,
        };
        self.state = to;
        self.epoch += 1;
        self.since = self.epoch;
        self.origin = now;
        self.settled_until = 0;
        self.run.succeeded();
        self.window = History::new(&self.thresholds);
        self.probes.clear();
        self.probe_successes = 0;
        if let Some(member) = &mut self.fleet {
            member.begin_window();
        }
        transition
    }
}
