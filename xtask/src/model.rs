//! `cargo xtask model`: the model of the shared protocol, and fleets of simulated instances, in sizes that
//! no test run has time for.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::cargo::cargo;
use crate::counts::Counts;
use crate::steps::Steps;
use crate::suites::count;

pub(crate) fn run() -> Result<ExitCode> {
    let mut steps = Steps::default();
    let mut counts = Counts::default();
    let searches: [(&str, &[&str]); 2] = [
        (
            "model of the shared protocol",
            &["steadfast-protocol-tests", "--test", "protocol"],
        ),
        (
            "fleets of up to 10,000 instances",
            &[
                "steadfast",
                "--lib",
                "--no-default-features",
                "--features",
                "redis,testing",
            ],
        ),
    ];
    for (name, of) in searches {
        let mut search = cargo();
        search.args(["test", "--release", "--package"]).args(of);
        search.args(["--", "--ignored", "--nocapture", "--test-threads", "1"]);
        search.args(["model", "scale"]);
        steps.run(name, || count(&mut search, &mut counts));
    }
    let code = steps.finish("model");
    if counts.ran() == 0 {
        bail!("nothing ran: no ignored test has `model` or `scale` in its name");
    }
    Ok(code)
}
