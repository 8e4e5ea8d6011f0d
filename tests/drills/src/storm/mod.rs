//! Many runs of four processes, each with faults drawn by a seed, and what must hold in every one.

mod drawn;
mod end;
mod held;
mod run;
mod watch;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use anyhow::Result;

use crate::list::Drill;
use crate::report::Report;
use run::Ran;

/// It alone.
pub const DRILLS: &[Drill] = &[Drill {
    id: "storm",
    title: "4 processes, faults by a seed",
    quick: false,
    run: storm,
}];

/// How many runs, and which.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many.
    pub runs: u32,
    /// The seed of the first; the next run has the next.
    pub seed: u64,
    /// How many at a time.
    pub at_a_time: u32,
}

static PLAN: OnceLock<Plan> = OnceLock::new();

/// Says how many runs there are to be, before the first.
pub fn plan(plan: Plan) {
    let _ = PLAN.set(plan); // the first word holds
}

#[expect(clippy::unnecessary_wraps, reason = "a drill may fail")]
fn storm(report: &mut Report) -> Result<()> {
    let few = Plan {
        runs: 4,
        seed: 1,
        at_a_time: 2,
    };
    let plan = *PLAN.get().unwrap_or(&few);
    let (next, all) = (AtomicU32::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..plan.at_a_time.max(1) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= plan.runs {
                        return;
                    }
                    let seed = plan.seed.wrapping_add(number.into());
                    let ran = run::run(seed);
                    told(seed, &ran);
                    all.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push((seed, ran));
                }
            });
        }
    });
    let all = all.into_inner().unwrap_or_else(PoisonError::into_inner);
    summed(report, plan, &all);
    Ok(())
}

fn told(seed: u64, ran: &Result<Ran>) {
    match ran {
        Ok(ran) if ran.broken.is_empty() => {
            println!(
                "        seed {seed}: {} faults, {} transitions",
                ran.faults, ran.epochs
            );
        }
        Ok(ran) => {
            println!("        seed {seed}: BROKEN: {:#?}", ran.broken);
            println!("{}", ran.story.join("\n"));
        }
        Err(error) => println!("        seed {seed}: {error:#}"),
    }
}

fn summed(report: &mut Report, plan: Plan, all: &[(u64, Result<Ran>)]) {
    let ran = || all.iter().filter_map(|(_, ran)| ran.as_ref().ok());
    let good = ran().filter(|ran| ran.broken.is_empty()).count();
    report.is(
        "runs in which all invariants hold",
        plan.runs as usize,
        good,
    );
    for (what, of) in [
        ("faults between them", (|ran| ran.faults) as fn(&Ran) -> u64),
        ("transitions seen", |ran| ran.epochs),
        ("failures told", |ran| ran.failures),
        ("probes seen", |ran| ran.probes),
    ] {
        let sum = ran().map(of).sum::<u64>();
        report.holds(what, "> 0", sum, sum > 0);
    }
    for (seed, ran) in all {
        let broken = match ran {
            Ok(ran) => ran.broken.clone(),
            Err(error) => vec![format!("{error:#}")],
        };
        for broken in broken {
            let again = format!("again with: cargo xtask drills storm --runs 1 --seed {seed}");
            report.holds(&format!("seed {seed}"), &again, broken, false);
        }
    }
}
