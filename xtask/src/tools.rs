//! The short tasks: the reference page, the benchmarks, the compile-fail texts.

use std::ffi::OsString;
use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::cargo::{cargo, output, root};
use crate::steps::succeed;
use crate::suites::ALL_FEATURES;

/// Writes OPTIONS.md, which a test compares with the table.
pub(crate) fn options() -> Result<ExitCode> {
    let mut command = cargo();
    command.args([
        "run",
        "--quiet",
        "--package",
        "steadfast-options",
        "--example",
        "reference",
    ]);
    let page = output(&mut command)?;
    if page.trim().is_empty() {
        bail!("the table of options printed an empty page");
    }
    let path = root().join("OPTIONS.md");
    let changed = fs::read_to_string(&path).ok().as_deref() != Some(page.as_str());
    if changed {
        fs::write(&path, page).with_context(|| path.display().to_string())?;
    }
    println!(
        "OPTIONS.md {}",
        if changed { "written" } else { "is up to date" }
    );
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn bench(args: &[OsString]) -> Result<ExitCode> {
    let mut command = cargo();
    command
        .args(["bench", "--package", "steadfast-bench", "--"])
        .args(args);
    succeed(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn compile_time(args: &[OsString]) -> Result<ExitCode> {
    let mut command = Command::new("bash");
    command
        .current_dir(root())
        .arg("bench/compile_time.sh")
        .args(args);
    succeed(&mut command)?;
    Ok(ExitCode::SUCCESS)
}

/// Lets trybuild write what the compiler says now, built as `cargo xtask test` builds it; the changes
/// are for a reader of `git diff`.
pub(crate) fn trybuild() -> Result<ExitCode> {
    let mut command = cargo();
    command.env("TRYBUILD", "overwrite");
    command.args(["test", "--test", "main"]).args(ALL_FEATURES);
    succeed(command.args(["--", "ui"]))?;
    Ok(ExitCode::SUCCESS)
}
