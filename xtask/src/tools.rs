//! The short tasks: the reference page, the benchmarks, the compile-fail texts.

use std::ffi::OsString;
use std::fs;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::cargo::{cargo, output, root};
use crate::setup;
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

/// Shows what metrics cost: how long a scrape takes, and how many instructions a call takes with a
/// collector and a listener, and without.
pub(crate) fn metrics() -> Result<ExitCode> {
    let example = [
        "--release",
        "--package",
        "steadfast",
        "--example",
        "metrics",
    ];
    let features = ["--features", "prometheus"];
    let mut scrape = cargo();
    scrape.args(["run", "--quiet"]).args(example).args(features);
    succeed(&mut scrape)?;
    if !setup::ensure(&setup::VALGRIND) {
        return Ok(ExitCode::SUCCESS);
    }
    for flags in [&[][..], &["--watched"]] {
        let [once, twice] = [CALLS, 2 * CALLS].map(|calls| instructions(calls, flags));
        let each = (twice? - once?) as f64 / CALLS as f64;
        let what = if flags.is_empty() {
            "nobody reads metrics"
        } else {
            "a collector and a listener are there"
        };
        println!("{each:>10.1} instructions for two calls where {what}");
    }
    Ok(ExitCode::SUCCESS)
}

/// What one run makes, and what the other makes more.
const CALLS: u64 = 2000;

/// Instructions of so many calls of each function of the example `metrics`, as callgrind counts them.
fn instructions(calls: u64, flags: &[&str]) -> Result<u64> {
    let target = crate::cargo::target_dir()?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg("--toggle-collect=*run_once*");
    command.arg(target.join("release/examples/metrics"));
    command.args(["--calls", &calls.to_string()]).args(flags);
    let output = command.output().context("valgrind could not be started")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let counted = said.split("Collected : ").nth(1);
    let counted = counted.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    counted.with_context(|| format!("callgrind counted nothing: {said}"))
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
