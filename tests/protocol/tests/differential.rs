//! The same random calls on the simulated store and on a real server: the same replies, the same data.

use crate::stores::{Breaker, Real, START, Simulated, Store};
use steadfast_protocol_tests::breaker::{Rules, SECOND, Script};

/// Enough that every branch of every script is met many times.
const CALLS: u32 = 4000;

/// What instances might send, some of it nonsense.
struct Sender {
    random: fastrand::Rng,
    calls: u32,
    epochs: Vec<i64>,
    tokens: Vec<String>,
}

impl Sender {
    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        self.random.choice(from).cloned()
    }

    fn number(&mut self, below: u32) -> String {
        self.random.u32(0..below).to_string()
    }

    /// Mostly the latest epoch, sometimes an older one, or one that never was.
    fn epoch(&mut self) -> String {
        let latest = self.epochs.last().copied().unwrap_or(0);
        let epoch = match self.random.u32(0..10) {
            0 => latest + self.random.i64(1..5_000_000),
            1 | 2 => self.random.choice(&self.epochs).copied().unwrap_or(0),
            _ => latest,
        };
        epoch.to_string()
    }

    fn call(&mut self) -> (Script, Vec<String>) {
        self.calls += 1;
        let instance = format!("{:016x}", self.random.u64(0..4));
        match self.random.u32(0..20) {
            0..8 => {
                let counts = [4, 3, 2].map(|below| self.number(below));
                let seq = (self.calls / 2 + self.random.u32(0..20)).to_string();
                let own = [self.epoch(), instance, seq].into_iter().chain(counts);
                (Script::Record, own.collect())
            }
            8..13 => (Script::Acquire, vec![instance]),
            13..17 => {
                let recent = self.tokens.len().saturating_sub(4);
                let token = self.random.choice(&self.tokens[recent..]).cloned();
                let outcomes = ["ok", "ok", "failed", "gone"];
                let outcome = self.pick(&outcomes).unwrap_or("ok").to_owned();
                (
                    Script::Probed,
                    vec![token.unwrap_or("1.1".to_owned()), outcome],
                )
            }
            17 => {
                let [state, left, opens] = [4, 60_000_000, 4].map(|below| self.number(below));
                let lock = self.pick(&["", "", "", "", "forced_open", "disabled"]);
                let own = [
                    self.epoch(),
                    state,
                    left,
                    opens,
                    lock.unwrap_or_default().to_owned(),
                ];
                (Script::Restore, own.into())
            }
            18 => {
                let action = self.pick(&["reset", "reset", "release", "force_open", "disable"]);
                (Script::Steer, vec![action.unwrap_or_default().to_owned()])
            }
            _ => (Script::Read, Vec::new()),
        }
    }

    fn rules(&mut self, rules: &mut Rules) {
        let random = &mut self.random;
        rules.failures = random.u64(0..8);
        rules.failure_rate = [0.0, 0.5, 0.75][random.usize(0..3)];
        rules.slow_rate = [0.0, 0.9][random.usize(0..2)];
        rules.quorum = random.u64(1..3);
        rules.window = [10, 60, 70][random.usize(0..3)] * SECOND;
        rules.recovery_factor = [1.0, 1.7][random.usize(0..2)];
        rules.half_open = random.u64(1..4);
        rules.close_after = random.u64(1..3);
    }

    /// Mostly on by a little, sometimes far, sometimes back.
    fn time(&mut self, now: u64) -> u64 {
        match self.random.u32(0..200) {
            0 => now + self.random.u64(0..7200 * SECOND),
            1 => now
                .saturating_sub(self.random.u64(0..3600 * SECOND))
                .max(START / 2),
            2..30 => now + self.random.u64(0..40 * SECOND),
            _ => now + self.random.u64(0..SECOND),
        }
    }
}

/// What expired on the simulated store, whose clock the test moves, goes from the real one too.
fn expire(simulated: &Simulated, real: &Real) {
    let live: Vec<_> = simulated
        .store
        .dump()
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    for key in steadfast_protocol_tests::breaker::keys("x") {
        if !live.contains(&key) {
            let _ = real.command(&["DEL", &key]);
        }
    }
}

/// How many transitions and probes there were.
fn compare(seed: u64, calls: u32) -> (usize, usize) {
    let (simulated, real) = (Simulated::new(), Real::new());
    let mut sender = Sender {
        random: fastrand::Rng::with_seed(seed),
        calls: 0,
        epochs: Vec::new(),
        tokens: Vec::new(),
    };
    let mut rules = Rules::default();
    let mut now = START;
    for number in 0..calls {
        now = sender.time(now);
        if sender.random.u32(0..20) == 0 {
            sender.rules(&mut rules);
        }
        if sender.random.u32(0..300) == 0 {
            let _ = (
                simulated.command(&["FLUSHALL"]),
                real.command(&["FLUSHALL"]),
            );
        }
        let (script, own) = sender.call();
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let place = format!("seed {seed}, call {number}: {script:?} {own:?} at {now}");
        let of = |store| {
            let breaker = Breaker::new(store, rules.clone());
            breaker.set_time(now);
            breaker
        };
        let (sim, server) = (of(&simulated as &dyn Store), of(&real));
        expire(&simulated, &real);
        let (expected, found) = (server.try_run(script, &own), sim.try_run(script, &own));
        assert_eq!(found, expected, "{place}");
        for key in ["s", "w", "q", "f"] {
            assert_eq!(sim.fields(key), server.fields(key), "{place}: {key}");
            let left =
                |breaker: &Breaker<'_>| breaker.store.command(&["PTTL", &breaker.key(key)]).int();
            // The real server counts expiries down by its own clock.
            let lasts = |left: Option<i64>| left.is_some_and(|left| left > 0);
            assert_eq!(
                lasts(left(&sim)),
                lasts(left(&server)),
                "{place}: {key} lasts"
            );
        }
        assert_eq!(simulated.announced(), real.announced(), "{place}");
        let answer = expected.unwrap_or_else(|reply| panic!("{place}: {reply}"));
        if sender.epochs.last() != Some(&answer.epoch) {
            sender.epochs.push(answer.epoch);
        }
        if script == Script::Acquire && !answer.extra.is_empty() {
            sender.tokens.push(answer.extra);
        }
    }
    (sender.epochs.len(), sender.tokens.len())
}

#[test]
fn the_simulated_store_does_as_a_real_server_does() {
    // Another seed for each run of the suite would make a failure hard to find again.
    let met = (0..4).map(|seed| compare(seed, CALLS / 4));
    let met = met.fold((0, 0), |sum, met| (sum.0 + met.0, sum.1 + met.1));
    assert!(met.0 > 200 && met.1 > 100, "it met too little: {met:?}");
}
