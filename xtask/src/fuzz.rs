//! `cargo xtask fuzz`: the fuzz targets, each for a while, where the tools for it are installed.

use std::process::ExitCode;

use crate::cargo::{answers, cargo_of, root, toolchain};
use crate::steps::{Outcome, Steps, succeed};

const TARGETS: [&str; 1] = ["config"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long each target runs.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let mut steps = Steps::default();
    for target in TARGETS {
        steps.run(&format!("fuzz target {target}"), || {
            let Some(nightly) = toolchain("nightly") else {
                return Ok(Outcome::Skipped(
                    "no nightly toolchain is installed; `rustup toolchain install nightly` does it"
                        .into(),
                ));
            };
            if !answers(cargo_of(&nightly).args(["fuzz", "--version"])) {
                return Ok(Outcome::Skipped(
                    "cargo-fuzz is not installed; `cargo install cargo-fuzz` does it".into(),
                ));
            }
            let mut command = cargo_of(&nightly);
            command
                .current_dir(root())
                .args(["fuzz", "run", target, "--"]);
            command.arg(format!("-max_total_time={}", args.seconds));
            // A file of the largest size is read in a fraction of this.
            command.args(["-timeout=10", "-max_len=65536"]);
            succeed(&mut command)
        });
    }
    steps.finish("fuzz")
}
