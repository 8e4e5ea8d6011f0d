//! Interleaved rounds and their medians.

use std::sync::{Barrier, LazyLock};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::allocations;
use crate::body::{Answer, BAD, HANGING, failures_during};
use crate::item::{Before, Contender, Item, Kind, Proof};

/// How long one contender runs in one round: short, so that most turns pass between two
/// interruptions by the rest of the machine.
const TURN: Duration = Duration::from_micros(500);
/// The same where threads are many, which must have met long before it ends.
const SHARED_TURN: Duration = Duration::from_millis(4);
/// Bad orders after which a breaker that is still closed does not count.
const PATIENCE: u64 = 2000;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let built = Builder::new_current_thread().enable_time().build();
    built.expect("a runtime with timers")
});

/// Where timers live.
pub(crate) fn runtime() -> &'static Runtime {
    &RUNTIME
}

/// One contender's figures.
pub(crate) struct Figures {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Nanoseconds a call, the median of all rounds.
    pub(crate) nanos: f64,
    /// Allocations a call.
    pub(crate) allocations: f64,
    /// Why the figures are not to be compared.
    pub(crate) unfair: Option<String>,
}

/// Measures all contenders of an item.
pub(crate) fn measure(item: &Item, rounds: usize) -> Vec<Figures> {
    let _within = runtime().enter();
    let mut faults: Vec<Option<String>> = item
        .contenders
        .iter()
        .map(|contender| prepare(contender, item.before))
        .collect();
    let calls: Vec<u64> = item
        .contenders
        .iter()
        .map(|contender| calls_in_a_turn(contender, item.threads))
        .collect();
    let mut nanos = vec![Vec::with_capacity(rounds); calls.len()];
    for round in 0..rounds {
        for turn in 0..calls.len() {
            let which = (turn + round) % calls.len();
            let time = time(&item.contenders[which], calls[which], item.threads);
            nanos[which].push(time.as_nanos() as f64 / calls[which] as f64);
        }
    }
    let figures = item.contenders.iter().zip(nanos).zip(calls);
    let figures = figures.zip(&mut faults);
    figures
        .map(|(((contender, nanos), calls), fault)| {
            let (wrong, allocations) = check(contender, calls);
            let fault = fault.take().or(wrong);
            Figures {
                name: contender.name,
                kind: contender.kind,
                nanos: median(nanos),
                allocations,
                unfair: fault.or_else(|| {
                    let mut proofs = item.proofs.iter();
                    let made = calls * item.threads as u64 * (rounds as u64 + 4);
                    proofs.find_map(|proof| disproof(contender, *proof, made))
                }),
            }
        })
        .collect()
}

/// Makes exactly so many calls, for who counts instructions: not inlined, so that counting can begin
/// here.
#[inline(never)]
pub(crate) fn run_once(item: &Item, contender: &Contender, calls: u64) {
    let _within = runtime().enter();
    prepare(contender, item.before);
    (contender.run)(calls);
}

fn prepare(contender: &Contender, before: Before) -> Option<String> {
    match before {
        Before::Nothing => None,
        Before::Calls(calls) => {
            (contender.run)(calls);
            None
        }
        Before::Trip if contender.kind == Kind::Bare => None,
        Before::Trip => trip(contender, PATIENCE),
    }
}

/// Sends bad orders until one is refused; says so where none is.
fn trip(contender: &Contender, patience: u64) -> Option<String> {
    let refused = (0..patience).any(|_| (contender.ask)(BAD) == Answer::Refused);
    (!refused).then(|| format!("still closed after {patience} failures"))
}

fn calls_in_a_turn(contender: &Contender, threads: usize) -> u64 {
    let mut calls = 16;
    let turn = if threads == 1 { TURN } else { SHARED_TURN };
    loop {
        let time = time(contender, calls, threads);
        if time >= turn / 4 {
            let turns = turn.as_secs_f64() / time.as_secs_f64();
            return ((calls as f64 * turns) as u64).max(1);
        }
        calls *= 2;
    }
}

/// How long the calls take; where threads are many, each makes all of them at the same time.
fn time(contender: &Contender, calls: u64, threads: usize) -> Duration {
    if threads == 1 {
        let start = Instant::now();
        (contender.run)(calls);
        return start.elapsed();
    }
    let barrier = Barrier::new(threads);
    let timed = || {
        let _within = runtime().enter();
        barrier.wait();
        let start = Instant::now();
        (contender.run)(calls);
        start.elapsed()
    };
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(timed)).collect();
        let spans = started
            .into_iter()
            .map(|thread| thread.join().expect("a run"));
        spans.max().unwrap_or_default()
    })
}

/// Whether every call ends as it should, and what it allocates.
fn check(contender: &Contender, calls: u64) -> (Option<String>, f64) {
    let mut right = 0;
    let made = allocations::during(|| right = (contender.run)(calls));
    let wrong = calls - right;
    (
        (wrong > 0).then(|| format!("{wrong} of {calls} calls ended otherwise")),
        made as f64 / calls as f64,
    )
}

/// Why the contender seems not to do the work.
fn disproof(contender: &Contender, proof: Proof, calls: u64) -> Option<String> {
    if contender.kind == Kind::Bare {
        return None;
    }
    match proof {
        Proof::Opens(patience) => trip(contender, patience),
        Proof::OpensAtHalf => trip(contender, PATIENCE + calls),
        Proof::Attempts(wanted) => {
            let made = failures_during(|| {
                (contender.ask)(BAD);
            });
            (made != wanted).then(|| format!("{made} attempts instead of {wanted}"))
        }
        Proof::Cuts => {
            let answer = (contender.ask)(HANGING);
            (answer != Answer::Refused).then(|| format!("a hanging call ended in {answer:?}"))
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    if values.len() % 2 == 1 {
        values[half]
    } else {
        f64::midpoint(values[half - 1], values[half])
    }
}
