//! `cargo xtask model`: the model of the shared protocol, searched in sizes that no test run has time
//! for.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cargo::cargo;
use crate::counts::Counts;
use crate::steps::Steps;
use crate::suites::count;

pub(crate) fn run() -> Result<ExitCode> {
    let mut steps = Steps::default();
    let mut counts = Counts::default();
    let mut search = cargo();
    search.args(["test", "--release", "--package", "steadfast-protocol-tests"]);
    search.args([
        "--test",
        "protocol",
        "--",
        "--ignored",
        "--nocapture",
        "model",
    ]);
    steps.run("model of the shared protocol", || {
        count(&mut search, &mut counts)
    });
    let code = steps.finish("model");
    if counts.ran() == 0 {
        bail!("nothing was searched: no ignored test has `model` in its name");
    }
    Ok(code)
}
