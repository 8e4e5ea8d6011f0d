//! The protocol's real code, instances and scripts, over a simulated network, clock and store.
//!
//! Everything that a run does follows from its seed: what fails and when, how long each message
//! takes, whether it is lost or arrives twice, when an instance crashes, the store loses its data or
//! its clock jumps. A run of some seconds takes some milliseconds, since time is simulated. First
//! there is chaos, judged at each step; then all faults end and the dependency works, and every
//! instance must come to be closed; then the dependency fails, and every instance must open.
//!
//! `SIMULATION_SEED=n` runs seed `n` alone, and prints what happened. `SIMULATION_RUNS` is how many
//! there are.

mod faults;
mod instance;
mod judge;
mod run;
mod scale;
mod wire;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, thread};

use run::{Plan, run};
use world::Stage;

fn number(variable: &str) -> Option<u64> {
    let text = env::var(variable).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{variable} is {text:?}: write a whole number")))
}

/// Runs so many seeds on all cores, and fails with the lowest that did.
fn all_hold(test: &str, plan: fn(u64) -> Plan, runs: u64) {
    if let Some(seed) = number("SIMULATION_SEED") {
        let done = run(&Stage::new(), &plan(seed), true);
        println!("{}", done.trace.join("\n"));
        return done
            .verdict
            .unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}"));
    }
    let runs = number("SIMULATION_RUNS").unwrap_or(runs);
    let (next, met) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        let stage = Stage::new();
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= runs || !failed.is_empty() {
                return failed;
            }
            let done = run(&stage, &plan(seed), false);
            met.fetch_add(done.scripts, Ordering::Relaxed);
            if let Err(wrong) = done.verdict {
                failed.push((seed, wrong));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let failed = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let failed = workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap());
        failed.min()
    });
    println!("{runs} runs, {} scripts", met.into_inner());
    if let Some((seed, wrong)) = failed {
        panic!(
            "seed {seed}: {wrong}\nSIMULATION_SEED={seed} cargo test -p steadfast --all-features {test} -- --nocapture"
        );
    }
}

#[test]
fn ten_thousand_simulated_runs_hold() {
    all_hold("ten_thousand_simulated_runs_hold", Plan::of_chaos, 10_000);
}

#[test]
fn every_failure_counts_once_whatever_the_network_does() {
    all_hold("every_failure_counts_once", Plan::of_counting, 500);
}

#[test]
fn a_seed_does_the_same_again() {
    let stage = Stage::new();
    for seed in 0..20 {
        let runs = [0, 1].map(|_| run(&stage, &Plan::of_chaos(seed), true).trace);
        assert!(runs[0].len() > 50, "{:?}", runs[0]);
        assert_eq!(runs[0], runs[1], "seed {seed}");
    }
}
