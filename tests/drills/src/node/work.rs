//! What a node does when it is told to.

use std::thread;
use std::time::Duration;

use steadfast::{Breaker, Permit, registry};

use super::load::{Held, Load};
use super::order::{Answered, Done, On, Order, Shown, Waited};
use super::{BREAKER, COUNTER, heard};
use crate::times::{ms, now};

/// How often something is looked at that one waits for.
const LOOK: Duration = Duration::from_micros(500);
/// How often each of many threads asks.
const ASK: Duration = Duration::from_millis(4);

pub(super) struct Work {
    drill: Breaker,
    counter: Breaker,
    kept: Vec<Permit>,
    load: Option<Load>,
}

impl Work {
    pub(super) fn new() -> Self {
        Self {
            drill: registry().breaker(BREAKER),
            counter: registry().breaker(COUNTER),
            kept: Vec::new(),
            load: None,
        }
    }

    pub(super) fn obey(&mut self, order: &Order) -> Answered {
        match order {
            Order::Fail(count, on) => Answered::Done(calls(self.on(*on), *count, false)),
            Order::Succeed(count, on) => Answered::Done(calls(self.on(*on), *count, true)),
            Order::Admit(most) => self.race(1, now(), *most),
            Order::Race(threads, from, most) => self.race(*threads, *from, *most),
            Order::Finish(how) => {
                self.kept.drain(..).for_each(|permit| finish(permit, *how));
                Answered::Ok
            }
            Order::Load(threads, pause, failing) => {
                let pause = Duration::from_micros(*pause);
                self.load = Some(Load::begin(&self.drill, *threads, pause, *failing));
                Answered::Ok
            }
            Order::Unload => Answered::Done(self.load.take().map(Load::end).unwrap_or_default()),
            Order::Loaded => {
                let load = self.load.as_ref();
                Answered::Done(load.map(Load::so_far).unwrap_or_default())
            }
            Order::Show => Answered::Shown(self.show()),
            Order::Steer(what) => {
                steer(&self.drill, what);
                Answered::Ok
            }
            Order::Await(state, most) => self.wait(state, *most),
            Order::Events => Answered::Events(heard::take()),
        }
    }

    fn on(&self, on: On) -> &Breaker {
        match on {
            On::Drill => &self.drill,
            On::Counter => &self.counter,
        }
    }

    fn show(&self) -> Shown {
        let status = self.drill.status();
        Shown {
            state: status.state.to_string(),
            degraded: status.degraded,
            failures: status.failures,
            retry_in_ms: status
                .retry_in
                .map(|left| ms(u64::try_from(left.as_nanos()).unwrap_or(0))),
            counted: self.counter.status().failures,
        }
    }

    fn wait(&self, state: &str, most: u64) -> Answered {
        let end = now() + most * 1_000_000;
        while now() < end {
            if self.drill.state().to_string() == state {
                return Answered::Waited(Waited {
                    count: 1,
                    at: now(),
                    ..Waited::default()
                });
            }
            thread::sleep(LOOK);
        }
        Answered::Waited(Waited::default())
    }

    /// Each thread asks until it is admitted or the time is over.
    fn race(&mut self, threads: u32, from: u64, most: u64) -> Answered {
        let end = from + most * 1_000_000;
        let ask = || {
            thread::sleep(Duration::from_nanos(from.saturating_sub(now())));
            loop {
                match self.drill.admit() {
                    Ok(permit) => return Some((permit, now())),
                    Err(_) if now() >= end => return None,
                    Err(_) => thread::sleep(ASK),
                }
            }
        };
        let was_degraded = self.drill.status().degraded;
        let admitted: Vec<(Permit, u64)> = thread::scope(|scope| {
            let racers: Vec<_> = (0..threads).map(|_| scope.spawn(ask)).collect();
            let results = racers.into_iter().map(|racer| racer.join().ok().flatten());
            results.flatten().collect()
        });
        let status = self.drill.status();
        let waited = Waited {
            count: admitted.len() as u64,
            at: admitted.iter().map(|(_, at)| *at).max().unwrap_or(0),
            state: status.state.to_string(),
            degraded: was_degraded || status.degraded,
        };
        self.kept
            .extend(admitted.into_iter().map(|(permit, _)| permit));
        Answered::Waited(waited)
    }
}

/// Calls that are over at once, one after another; how long the breaker took over each.
fn calls(breaker: &Breaker, count: u32, ok: bool) -> Done {
    let (mut done, mut held) = (Done::default(), Held::default());
    for _ in 0..count {
        let began = now();
        match breaker.admit() {
            Ok(permit) => {
                finish(permit, Some(ok));
                done.admitted += 1;
            }
            Err(_) => done.refused += 1,
        }
        done.last = (began, now());
        held.add(began, done.last.1 - began);
    }
    held.into_done(&mut done);
    done
}

pub(super) fn finish(permit: Permit, how: Option<bool>) {
    match how {
        Some(true) => permit.success(),
        Some(false) => permit.failure(),
        None => drop(permit),
    }
}

fn steer(breaker: &Breaker, what: &str) {
    match what {
        "reset" => breaker.reset(),
        "force_open" => breaker.force_open(),
        "disable" => breaker.disable(),
        "release" => breaker.release(),
        other => panic!("{other:?} is nothing that can be done to a breaker"),
    }
}
