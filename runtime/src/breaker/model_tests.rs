//! The rules, the gate and the successes of one thread, against a model that keeps everything.

mod model;
mod policies;

use proptest::prelude::*;
use proptest::sample::Index;

use super::gate::Gate;
use super::pass::{Change, Pass};
use super::policy::WindowSize;
use super::rules::Rules;
use super::state::{State, Transition};
use super::window::{Nanos, Outcome};
use model::{Kind, Leave, Model, Seen};
use policies::{Policy, policies};

const FAILURE: Outcome = Outcome {
    failed: true,
    slow: false,
};

/// How a call ends; none: without an outcome.
type End = Option<Outcome>;

#[derive(Clone, Debug)]
enum Step {
    /// Lets time pass: so much, and one tick less, none, or one more.
    Pass(Span, i8),
    /// So many calls, one after the other, that end at once.
    Calls(u8, End),
    /// A call that begins, to end later.
    Begin,
    /// One of those ends.
    End(Index, End),
    /// A call that fails, its clock read so many ticks before others had their turn.
    Stale(u8),
    /// The clock is turned back, by some seconds.
    TurnBack(u8),
    Reset,
    Hold(State),
    Release,
}

#[derive(Clone, Copy, Debug)]
enum Span {
    Ticks(Nanos),
    /// To where the next bucket begins.
    Edge,
    Window,
    UntilDue,
    Lease,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let span = prop_oneof![
        4 => (0_u64..=30).prop_map(Span::Ticks),
        2 => Just(Span::Edge),
        2 => Just(Span::Window),
        3 => Just(Span::UntilDue),
        1 => Just(Span::Lease),
    ];
    let step = prop_oneof![
        18 => (span, -1_i8..=1).prop_map(|(span, tick)| Step::Pass(span, tick)),
        30 => end().prop_map(|end| Step::Calls(1, end)),
        10 => (2_u8..=8, end()).prop_map(|(count, end)| Step::Calls(count, end)),
        12 => Just(Step::Begin),
        12 => (any::<Index>(), end()).prop_map(|(which, end)| Step::End(which, end)),
        2 => (1_u8..=40).prop_map(Step::Stale),
        1 => (2_u8..=9).prop_map(Step::TurnBack),
        1 => Just(Step::Reset),
        1 => prop_oneof![Just(State::ForcedOpen), Just(State::Disabled)].prop_map(Step::Hold),
        2 => Just(Step::Release),
    ];
    prop::collection::vec(step, 1..150)
}

fn end() -> impl Strategy<Value = End> {
    let outcome = |failed, slow| Just(Some(Outcome { failed, slow }));
    prop_oneof![
        8 => outcome(false, false),
        8 => outcome(true, false),
        2 => outcome(false, true),
        1 => outcome(true, true),
        1 => Just(None),
    ]
}

/// The breaker and its model, side by side.
struct Pair {
    policy: Policy,
    gate: Gate,
    model: Model,
    now: Nanos,
    /// How far the clock was turned back in all.
    back: Nanos,
    begun: Vec<(Pass, Leave)>,
}

impl Pair {
    fn new(policy: Policy) -> Self {
        let now = Nanos::MAX / 2;
        Self {
            gate: Gate::new(Rules::new(policy.thresholds(), now)),
            model: Model::new(policy.clone(), now),
            policy,
            now,
            back: 0,
            begun: Vec::new(),
        }
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Pass(span, tick) => self.pass(span, tick),
            Step::Calls(count, end) => {
                for _ in 0..count {
                    if let Some((pass, leave)) = self.begin() {
                        self.end(pass, leave, end);
                    }
                    self.compare();
                }
            }
            Step::Begin => {
                let begun = self.begin();
                self.begun.extend(begun);
            }
            Step::End(which, end) if !self.begun.is_empty() => {
                let (pass, leave) = self.begun.swap_remove(which.index(self.begun.len()));
                self.end(pass, leave, end);
            }
            Step::End(..) => {}
            Step::Stale(ticks) => {
                if let Some((pass, leave)) = self.begin() {
                    let read = self.clock() - Nanos::from(ticks);
                    self.end_at(read, pass, leave, Some(FAILURE));
                }
            }
            Step::TurnBack(secs) => {
                self.back += Nanos::from(secs) * 1_000_000_000;
                // Whoever comes first where the word alone does not do.
                self.gate.look(self.clock(), |_, _| ());
            }
            Step::Reset => self.by_hand(Rules::reset, Model::reset),
            Step::Hold(state) => {
                self.by_hand(
                    |rules, now| rules.hold(state, now),
                    |model, now| model.hold(state, now),
                );
            }
            Step::Release => self.by_hand(Rules::release, Model::release),
        }
        self.compare();
    }

    fn clock(&self) -> Nanos {
        self.now - self.back
    }

    fn pass(&mut self, span: Span, tick: i8) {
        let window = match self.policy.window {
            WindowSize::Time(window) => window,
            _ => 100,
        };
        let span = match span {
            Span::Ticks(ticks) => ticks,
            Span::Edge => self.model.until_next_bucket(window / 10, self.now),
            Span::Window => window,
            Span::UntilDue => self.model.open_until.saturating_sub(self.now),
            Span::Lease => self.policy.probe_timeout,
        };
        self.now += span.saturating_add_signed(tick.into());
    }

    /// As `Breaker` does: first the word alone, then the rules.
    fn begin(&mut self) -> Option<(Pass, Leave)> {
        let quick = self
            .gate
            .admit_if_closed()
            .map(|pass| (pass, Change::default()));
        let ours = quick.map_or_else(|| self.gate.admit(self.clock(), None), Ok);
        let theirs = self.model.admit(self.now);
        let ((pass, change), (leave, turn)) = match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => (ours, theirs),
            (Err(ours), Err(theirs)) => {
                assert_eq!(ours.retry_in, theirs);
                return None;
            }
            (ours, theirs) => panic!("one is refused: {ours:?}, {theirs:?}"),
        };
        let probe = matches!(leave.kind, Kind::Probe(_));
        assert_eq!(change.transition, turn);
        assert_eq!(change.probes, probe.then(|| self.model.places()));
        Some((pass, leave))
    }

    fn end(&mut self, pass: Pass, leave: Leave, end: End) {
        self.end_at(self.clock(), pass, leave, end);
    }

    fn end_at(&mut self, clock: Nanos, pass: Pass, leave: Leave, end: End) {
        // A call is slow only where a rule says how long that is.
        let end = end.map(|outcome| Outcome {
            slow: outcome.slow && self.policy.slow_percent.is_some(),
            ..outcome
        });
        let change = match end {
            Some(Outcome::SUCCESS) => self.gate.succeed(pass, || clock).unwrap_or_default(),
            Some(outcome) if outcome.failed => self.gate.failed(pass, outcome, clock),
            end => self.gate.finish(pass, end, clock),
        };
        let turn = self.model.end(leave, end, self.now);
        assert_eq!(change.transition, turn);
        if let Some(failures) = change.failures {
            assert_eq!(failures, self.model.seen(self.now).failures);
        }
        if matches!(
            turn,
            Some(Transition {
                to: State::Open,
                ..
            })
        ) {
            assert_eq!(change.open_for, Some(self.model.open_until - self.now));
        }
    }

    fn by_hand(
        &mut self,
        ours: impl FnOnce(&mut Rules, Nanos) -> Option<Transition>,
        theirs: impl FnOnce(&mut Model, Nanos) -> Option<Transition>,
    ) {
        let change = self.gate.by_hand(self.clock(), ours);
        assert_eq!(change.transition, theirs(&mut self.model, self.now));
    }

    fn compare(&self) {
        let state = self.gate.state(self.clock());
        assert_eq!(state, self.model.state(self.now));
        let theirs = self.model.seen(self.now);
        self.gate.look(self.clock(), |rules, shown| {
            assert_eq!(shown.failures, theirs.failures);
            if !self.policy.counts_runs() {
                assert!(rules.run().is_empty());
            }
            if self.policy.has_rate_rule() {
                let ours = Seen {
                    failures: shown.failures,
                    calls: shown.counts.calls,
                    failed: shown.counts.failed,
                    slow: shown.counts.slow,
                };
                assert_eq!(ours, theirs);
            }
            if state == State::Open {
                assert_eq!(rules.open_until, self.model.open_until - self.back);
            }
        });
    }
}

proptest! {
    // A case that fails becomes a test of its own, with a name, instead of a file of seeds.
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_breaker_does_what_a_list_of_all_outcomes_says(policy in policies(), steps in steps()) {
        let mut pair = Pair::new(policy);
        for step in &steps {
            pair.take(step);
        }
    }
}
