//! `cargo xtask demo`: builds and runs the demo service.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::cargo::{cargo, root};
use crate::setup::{self, DEMOS_REDIS};

/// Runs the demo in the caller's folder, so that the paths among the arguments mean what they mean
/// there, and ends as the demo ends.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    if starts_redis(args) {
        setup::ensure(&DEMOS_REDIS);
    }
    let mut command = command(args);
    command.current_dir(std::env::current_dir().context("the current folder is gone")?);
    hand_over(&mut command)
}

/// Whether the demo will start a Redis of its own.
fn starts_redis(args: &[OsString]) -> bool {
    let has = |option: &str| {
        args.iter().any(|arg| {
            let arg = arg.to_string_lossy();
            arg.split('=').next() == Some(option)
        })
    };
    let only_tells = ["--help", "-h", "--example-config"].into_iter().any(has);
    !only_tells && !has("--redis")
}

fn command(args: &[OsString]) -> Command {
    let mut command = cargo();
    command.args([
        "run",
        "--release",
        "--package",
        "steadfast-examples",
        "--bin",
        "checkout",
    ]);
    command
        .arg("--manifest-path")
        .arg(root().join("Cargo.toml"));
    command.arg("--").args(args);
    command
}

/// Becomes the command: the terminal, its signals and the exit code are the demo's own.
#[cfg(unix)]
pub(crate) fn hand_over(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;
    Err(command.exec()).context("it could not be started")
}

#[cfg(not(unix))]
pub(crate) fn hand_over(command: &mut Command) -> Result<ExitCode> {
    let status = command.status().context("it could not be started")?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_demo_that_starts_a_redis_needs_one() {
        assert!(starts_redis(&["--shared".into(), "4".into()]));
        assert!(starts_redis(&["--json".into(), "--shared=4".into()]));
        assert!(!starts_redis(&[
            "--shared".into(),
            "4".into(),
            "--redis=redis://h/".into()
        ]));
        assert!(starts_redis(&["--scenario".into(), "outage".into()]));
        for only_tells in ["--help", "-h", "--example-config"] {
            assert!(!starts_redis(&[only_tells.into()]), "{only_tells}");
        }
    }

    #[test]
    fn the_arguments_follow_the_separator() {
        let command = command(&["--seconds".into(), "5".into(), "--".into()]);
        let args: Vec<_> = command.get_args().collect();
        assert_eq!(args[args.len() - 4..], ["--", "--seconds", "5", "--"]);
        assert!(args.contains(&"checkout".as_ref()));
    }
}
