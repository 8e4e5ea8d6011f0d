//! `cargo xtask drills`: builds and runs the drills of the shared state.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Result;

use crate::cargo::{cargo, root, target_dir};
use crate::demo::hand_over;
use crate::setup::{self, FAKETIME, REDIS};
use crate::steps::succeed;

/// Sets up what they need, builds them as users build, and ends as they end. They are not started by
/// `cargo run`, since the processes that they start are the same program.
pub(crate) fn run(args: &[OsString]) -> Result<ExitCode> {
    setup::ensure(&REDIS);
    setup::ensure(&FAKETIME);
    let mut build = cargo();
    build.args(["build", "--release", "--package", "steadfast-drills"]);
    succeed(&mut build)?;
    hand_over(&mut command(&target_dir()?, args))
}

fn command(target: &Path, args: &[OsString]) -> Command {
    let program = format!("drills{}", std::env::consts::EXE_SUFFIX);
    let mut command = Command::new(target.join("release").join(program));
    command.current_dir(root()).args(args);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drills_get_every_argument_as_it_was_given() {
        let command = command(
            Path::new("target"),
            &["storm".into(), "--runs".into(), "3".into()],
        );
        let args: Vec<_> = command.get_args().collect();
        assert_eq!(args, ["storm", "--runs", "3"]);
        assert!(command.get_program().to_string_lossy().contains("release"));
    }
}
