//! The model's server is the scripts: the same calls, the same answers.

use std::collections::HashMap;

use crate::stores::{Breaker, Simulated, Store};
use steadfast_protocol_tests::breaker::{Answer, Rules, SECOND, Script};
use steadfast_protocol_tests::model::{
    self, Batch, Extra, Request, Result, Size, State, Token, View,
};

const SIZE: Size = Size {
    begins: State::Closed,
    instances: 2,
    half_open: 2,
    close_after: 2,
    threshold: 3,
    network: 0,
    failures: 0,
    flushes: 0,
    crashes: 0,
    resets: 0,
    ticks: 0,
};

fn rules() -> Rules {
    Rules {
        failures: SIZE.threshold.into(),
        half_open: SIZE.half_open.into(),
        close_after: SIZE.close_after.into(),
        window: 1_000_000 * SECOND,
        ..Rules::default()
    }
}

/// Both servers, and by what names each knows the other's epochs and tokens.
struct Pair<'a> {
    breaker: Breaker<'a>,
    server: model::Server,
    clock: u8,
    random: fastrand::Rng,
    epochs: HashMap<u8, i64>,
    states: Vec<View>,
    tokens: Vec<(Token, String)>,
}

impl Pair<'_> {
    fn request(&mut self) -> Request {
        let random = &mut self.random;
        let epoch = match random.u8(0..4) {
            0 => random.choice(&self.states).map_or(0, |view| view.epoch),
            _ => self.server.view().epoch,
        };
        match random.u8(0..12) {
            0..5 => Request::Record(Batch {
                id: random.u8(0..2),
                epoch,
                seq: random.u8(1..30),
                failures: random.u8(0..3),
                serial: 0,
            }),
            5..7 => Request::Acquire,
            7..10 => {
                let known = random.choice(&self.tokens).map(|(token, _)| *token);
                let latest = self.tokens.last().map(|(token, _)| *token);
                let token = if random.bool() { known } else { latest };
                let result = random.choice([Result::Ok, Result::Ok, Result::Failed, Result::Gone]);
                match (token, result) {
                    (Some(token), Some(result)) => Request::Probed(token, result),
                    _ => Request::Read,
                }
            }
            10 => random
                .choice(&self.states)
                .map_or(Request::Read, |view| Request::Restore(*view)),
            _ => Request::Reset,
        }
    }

    fn ask_scripts(&self, request: &Request) -> Answer {
        let real = |epoch: &u8| self.epochs[epoch];
        let breaker = &self.breaker;
        match request {
            Request::Record(batch) => {
                let failures = batch.failures.into();
                let counts = [failures, failures, 0];
                breaker.record(
                    real(&batch.epoch),
                    &format!("{:x}", batch.id),
                    batch.seq.into(),
                    counts,
                )
            }
            Request::Acquire => breaker.acquire("a0"),
            Request::Probed(token, result) => {
                let name = self.tokens.iter().find(|(known, _)| known == token);
                let outcome = match result {
                    Result::Ok => "ok",
                    Result::Failed => "failed",
                    Result::Gone => "gone",
                };
                breaker.probed(name.map_or("", |(_, name)| name), outcome)
            }
            Request::Restore(view) => {
                let left = breaker.rules.recovery;
                breaker.restore(real(&view.epoch), view.state as i64, left, 0, "")
            }
            Request::Reset => breaker.steer("reset"),
            Request::Read => breaker.run(Script::Read, &[]),
        }
    }

    fn step(&mut self) {
        self.breaker.pass(1);
        match self.random.u8(0..30) {
            0 => {
                let _ = self.breaker.store.command(&["FLUSHALL"]);
                self.server = model::Server::new(&SIZE);
            }
            1..5 => {
                self.breaker.pass(30 * SECOND);
                self.server.pass_all_time();
            }
            _ => {}
        }
        let request = self.request();
        let found = self.server.run(&request, &SIZE, &mut self.clock);
        let expected = self.ask_scripts(&request);
        self.compare(&request, found, &expected);
    }

    fn compare(&mut self, request: &Request, found: model::Answer, expected: &Answer) {
        let real = *self
            .epochs
            .entry(found.view.epoch)
            .or_insert(expected.epoch);
        assert_eq!(
            (found.view.state as i64, real),
            (expected.state, expected.epoch),
            "{request:?}"
        );
        if !self.states.contains(&found.view) {
            self.states.push(found.view);
        }
        if found.view.state == State::Closed {
            assert_eq!(
                i64::from(self.server.failures()),
                expected.failures,
                "{request:?}"
            );
        }
        let extra = match found.extra {
            Extra::Counted(_) | Extra::Done => "1",
            Extra::Seen(_) => "2",
            Extra::Void(_) => "0",
            Extra::Lease(token) => {
                assert_ne!(expected.extra, "", "{request:?}");
                self.tokens.push((token, expected.extra.clone()));
                return;
            }
            Extra::Nothing => match request {
                Request::Probed(..) | Request::Restore(_) => "0",
                _ => "",
            },
        };
        assert_eq!(expected.extra, extra, "{request:?}");
    }
}

#[test]
fn the_models_server_answers_as_the_scripts_do() {
    let store = Simulated::new();
    let mut leases = 0;
    for seed in 0..300 {
        store.store.reset();
        let mut pair = Pair {
            breaker: Breaker::new(&store as &dyn Store, rules()),
            server: model::Server::new(&SIZE),
            clock: 0,
            random: fastrand::Rng::with_seed(seed),
            epochs: HashMap::from([(0, 0)]),
            states: Vec::new(),
            tokens: Vec::new(),
        };
        for _ in 0..200 {
            pair.step();
        }
        leases += pair.tokens.len();
    }
    assert!(leases > 1000, "it met too little: {leases} leases");
}
