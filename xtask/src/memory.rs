//! `cargo xtask miri`: the unit tests of unsafe code under Miri, else under valgrind.
//!
//! A test of unsafe code has `unsafe_cell` in its path, by convention.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo::{answers, cargo, cargo_of, output, root, toolchain};
use crate::counts::Counts;
use crate::setup::{self, VALGRIND};
use crate::steps::{Outcome, Steps};
use crate::suites::{ALL_FEATURES, count};

const FILTER: &str = "unsafe_cell";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Use valgrind even where Miri is installed.
    #[arg(long)]
    valgrind: bool,
    /// Install nothing: use what is there.
    #[arg(long)]
    no_setup: bool,
}

pub(crate) fn run(args: &Args) -> ExitCode {
    let mut steps = Steps::default();
    let miri = if args.valgrind { None } else { miri() };
    steps.run("unsafe code", || check(miri, args.no_setup));
    steps.finish("miri")
}

/// Runs the tests of unsafe code under the best checker there is.
pub(crate) fn check(miri: Option<String>, no_setup: bool) -> Result<Outcome> {
    let modules = unsafe_modules(&root().join("runtime/src"))?;
    let Some(module) = modules.first() else {
        return Ok(Outcome::Skipped(
            "the runtime has no unsafe code".to_owned(),
        ));
    };
    let mut counts = Counts::default();
    if let Some(toolchain) = miri {
        let mut command = cargo_of(&toolchain);
        command.args([
            "miri",
            "test",
            "--package",
            "steadfast",
            "--lib",
            "--",
            FILTER,
        ]);
        count(&mut command, &mut counts)?;
    } else if no_setup && setup::find(VALGRIND.program).is_none() || !setup::ensure(&VALGRIND) {
        return Ok(Outcome::Skipped(
            "neither Miri nor valgrind is installed".to_owned(),
        ));
    } else {
        let mut command = Command::new(VALGRIND.program);
        command.args(["--quiet", "--error-exitcode=1", "--leak-check=full"]);
        // libtest itself leaves blocks behind that count as possibly lost.
        command.args([
            "--errors-for-leak-kinds=definite",
            "--show-leak-kinds=definite",
        ]);
        command
            .arg(test_binary()?)
            .args(["--test-threads", "1", FILTER]);
        count(&mut command, &mut counts)?;
    }
    verdict(counts, module)
}

/// Unsafe code whose tests carry another name would pass unseen.
fn verdict(counts: Counts, module: &Path) -> Result<Outcome> {
    if counts.ran() == 0 {
        let module = module.display();
        bail!("{module} allows unsafe code, but no unit test has `{FILTER}` in its path");
    }
    Ok(Outcome::Done)
}

/// The nightly toolchain that has Miri and the sources it builds its standard library from. Without
/// the latter `cargo miri` would want to install them.
pub(crate) fn miri() -> Option<String> {
    let nightly = toolchain("nightly")?;
    if !answers(cargo_of(&nightly).args(["miri", "--version"])) {
        return None;
    }
    let mut rustc = Command::new("rustup");
    let sysroot = output(rustc.args(["run", &nightly, "rustc", "--print", "sysroot"])).ok()?;
    let sources = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    sources.is_dir().then_some(nightly)
}

/// The runtime's unit tests, built as `cargo xtask test` builds them.
fn test_binary() -> Result<OsString> {
    let mut command = cargo();
    command
        .args(["test", "--no-run", "--lib", "--message-format", "json"])
        .args(ALL_FEATURES);
    let messages = output(&mut command)?;
    let binary = messages.lines().find_map(unit_tests);
    binary.context("cargo built no unit tests of `steadfast`")
}

/// The program that one of cargo's messages is about, if those are the runtime's unit tests.
fn unit_tests(message: &str) -> Option<OsString> {
    let message: Value = serde_json::from_str(message).ok()?;
    let target = &message["target"];
    let ours = target["name"] == "steadfast" && message["profile"]["test"] == true;
    let program = message["executable"].as_str().filter(|_| ours)?;
    Some(program.into())
}

/// The files that lift the ban on unsafe code.
fn unsafe_modules(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(unsafe_modules(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let text = fs::read_to_string(&path)?;
            let lifts = |line: &str| line.contains("unsafe_code") && line.contains("allow");
            found.extend(text.lines().any(lifts).then_some(path));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_unit_tests_are_told_from_other_programs() {
        let message = |name: &str, test: bool, executable: Value| {
            let target = json!({ "name": name, "kind": ["lib"] });
            json!({ "reason": "compiler-artifact", "target": target,
                    "profile": { "test": test }, "executable": executable })
            .to_string()
        };
        let ours = message("steadfast", true, json!("deps/steadfast-1"));
        assert_eq!(unit_tests(&ours), Some("deps/steadfast-1".into()));
        assert_eq!(unit_tests(&message("steadfast", false, Value::Null)), None);
        assert_eq!(
            unit_tests(&message("steadfast_macros", true, json!("deps/m"))),
            None
        );
        assert_eq!(unit_tests("not json"), None);
    }

    #[test]
    fn unsafe_code_without_a_test_of_its_own_is_an_error() {
        let none = Counts::default();
        let some = Counts { passed: 1, ..none };
        let module = Path::new("cell.rs");
        assert!(matches!(verdict(some, module), Ok(Outcome::Done)));
        let error = verdict(none, module).err().unwrap().to_string();
        assert!(error.starts_with("cell.rs allows unsafe code"), "{error}");
    }

    #[test]
    fn a_module_that_lifts_the_ban_is_found() {
        let here = unsafe_modules(&root().join("xtask/src")).unwrap();
        let names: Vec<_> = here.iter().filter_map(|path| path.file_name()).collect();
        // This file, for the line that looks for it.
        assert_eq!(names, ["memory.rs"]);
    }
}
