//! `cargo xtask loom`: the concurrency models of the runtime, every interleaving of each.

use std::env;
use std::process::{Command, ExitCode};

use anyhow::{Result, bail};

use crate::cargo::{cargo, target_dir};
use crate::counts::Counts;
use crate::steps::{Outcome, Steps};
use crate::suites::count;

pub(crate) fn run() -> ExitCode {
    let mut steps = Steps::default();
    steps.run("concurrency models under loom", models);
    steps.finish("loom")
}

/// Runs the models; that there are none is an error.
pub(crate) fn models() -> Result<Outcome> {
    let mut counts = Counts::default();
    count(&mut command()?, &mut counts)?;
    if counts.ran() == 0 {
        bail!("no model ran: no unit test of `steadfast` has `loom` in its name");
    }
    Ok(Outcome::Done)
}

/// A target folder of its own, since the cfg rebuilds every dependency. Three preemptions find all
/// but contrived bugs, as loom's own documentation argues, and keep the search short.
fn command() -> Result<Command> {
    let mut command = cargo();
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    command.env("RUSTFLAGS", format!("{flags} --cfg steadfast_loom").trim());
    if env::var_os("LOOM_MAX_PREEMPTIONS").is_none() {
        command.env("LOOM_MAX_PREEMPTIONS", "3");
    }
    command.args([
        "test",
        "--package",
        "steadfast",
        "--lib",
        "--release",
        "--target-dir",
    ]);
    command.arg(target_dir()?.join("loom")).args(["--", "loom"]);
    Ok(command)
}
