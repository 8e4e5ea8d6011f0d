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
    written_from_the_table("reference", "OPTIONS.md")
}

/// Writes the JSON Schema of configuration files, which a test compares with the table.
pub(crate) fn schema() -> Result<ExitCode> {
    written_from_the_table("schema", "steadfast.schema.json")
}

/// Writes a file at the root anew, as an example of `options/` prints it.
fn written_from_the_table(example: &str, file: &str) -> Result<ExitCode> {
    let mut command = cargo();
    command.args([
        "run",
        "--quiet",
        "--package",
        "steadfast-options",
        "--example",
        example,
    ]);
    let text = output(&mut command)?;
    if text.trim().is_empty() {
        bail!("the table of options printed nothing for {file}");
    }
    let path = root().join(file);
    let changed = fs::read_to_string(&path).ok().as_deref() != Some(text.as_str());
    if changed {
        fs::write(&path, text).with_context(|| path.display().to_string())?;
    }
    let what = if changed { "written" } else { "is up to date" };
    println!("{file} {what}");
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
