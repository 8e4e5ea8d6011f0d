//! `cargo xtask test`: every test of the project.
//!
//! Two builds are enough. One has every feature, `testing` among them, for the behaviour on a
//! paused clock; the other has what users get, so that the clock of production is tested too.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::bounded;
use crate::cargo::{cargo, has};
use crate::counts::Counts;
use crate::setup::{self, CHROMEDRIVER, FAKETIME, PROMETHEUS, REDIS};
use crate::steps::{Outcome, Steps};

/// With every feature. The examples and the drills are left out since `testing` would change their
/// clock, the benchmarks since building the peers is long.
pub(crate) const ALL_FEATURES: &[&str] = &[
    "--workspace",
    "--exclude",
    "steadfast-examples",
    "--exclude",
    "steadfast-drills",
    "--exclude",
    "steadfast-bench",
    "--all-features",
];

/// As users build it.
const AS_SHIPPED: &[&str] = &[
    "--package",
    "steadfast",
    "--package",
    "steadfast-examples",
    "--package",
    "steadfast-drills",
];

/// Building from nothing included.
const LIMIT: Duration = Duration::from_secs(40 * 60);

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install nothing: run with what is there.
    #[arg(long)]
    no_setup: bool,
    /// Run only the tests whose names contain one of these.
    filters: Vec<String>,
}

/// Sets up, runs every suite though one failed, and closes with the count.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let start = Instant::now();
    let mut steps = Steps::default();
    if !args.no_setup {
        for tool in [&REDIS, &FAKETIME, &PROMETHEUS, &CHROMEDRIVER] {
            setup::ensure(tool);
        }
    }
    let runner = Runner::find();
    let mut counts = Counts::default();
    for (name, selection) in [("every feature", ALL_FEATURES), ("as shipped", AS_SHIPPED)] {
        let mut command = runner.command(selection, &args.filters);
        steps.run(&format!("tests, {name}"), || {
            count(&mut command, &mut counts)
        });
    }
    let mut docs = cargo();
    docs.args(["test", "--doc"])
        .args(ALL_FEATURES)
        .arg("--")
        .args(&args.filters);
    steps.run("tests in the docs", || count(&mut docs, &mut counts));

    let code = steps.finish("test");
    if counts.ran() == 0 {
        bail!(
            "no test ran{}",
            if args.filters.is_empty() {
                ""
            } else {
                ": no name matches"
            }
        );
    }
    println!(
        "all tests: {counts}, in {:.0}s",
        start.elapsed().as_secs_f64()
    );
    Ok(code)
}

/// Runs one suite and adds up its tests.
pub(crate) fn count(command: &mut Command, counts: &mut Counts) -> Result<Outcome> {
    let ended = bounded::run(command, LIMIT)?;
    *counts += ended.counts;
    if !ended.status.success() {
        bail!("{} ({})", ended.counts, ended.status);
    }
    Ok(Outcome::Done)
}

#[derive(Clone, Copy)]
enum Runner {
    /// Stops a test that hangs and says which one it is.
    Nextest,
    CargoTest,
}

impl Runner {
    fn find() -> Self {
        if has("nextest") {
            Self::Nextest
        } else {
            Self::CargoTest
        }
    }

    /// Doc tests are left out: cargo-nextest has none, and they run as a suite of their own.
    fn command(self, selection: &[&str], filters: &[String]) -> Command {
        let mut command = cargo();
        match self {
            Self::Nextest => command.args(["nextest", "run", "--no-tests", "pass", "--tests"]),
            Self::CargoTest => command.args(["test", "--no-fail-fast", "--tests"]),
        };
        command.args(selection).arg("--").args(filters);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::shown;

    fn line(runner: Runner, filters: &[&str]) -> String {
        let filters: Vec<_> = filters.iter().map(ToString::to_string).collect();
        shown(&runner.command(AS_SHIPPED, &filters))
    }

    #[test]
    fn both_runners_get_the_selection_and_the_filters() {
        let nextest = line(Runner::Nextest, &["breaker", "retry"]);
        assert!(nextest.contains("nextest run"), "{nextest}");
        let cargo = line(Runner::CargoTest, &["breaker", "retry"]);
        assert!(cargo.contains("test --no-fail-fast --tests"), "{cargo}");
        for line in [nextest, cargo] {
            let end = "--package steadfast-examples --package steadfast-drills -- breaker retry";
            assert!(line.ends_with(end), "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_suite_that_fails_fails_its_step_and_still_counts() {
        let mut command = Command::new("sh");
        command.args([
            "-c",
            "echo 'test result: FAILED. 2 passed; 1 failed; 0 ignored'; exit 101",
        ]);
        let mut counts = Counts::default();
        let error = count(&mut command, &mut counts).err().unwrap().to_string();
        assert!(
            error.starts_with("2 passed, 1 failed, 0 skipped (exit status: 101"),
            "{error}"
        );
        assert_eq!(counts.ran(), 3);
    }
}
