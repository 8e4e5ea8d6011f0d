//! `cargo xtask ci`: what must hold besides the tests.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cargo::{answers, cargo, cargo_of, has, metadata, toolchain};
use crate::features::{package, selections};
use crate::steps::{Outcome, Steps, succeed};
use crate::{loom, memory};

const DENY_WARNINGS: &[&str] = &["--", "-D", "warnings"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install nothing: what needs a missing tool is skipped.
    #[arg(long)]
    no_setup: bool,
}

/// Runs every step, whatever fails on the way. The order lets each build what the next one needs:
/// clippy, docs and the features share one set of checked dependencies.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let metadata = metadata()?;
    let steadfast = package(&metadata, "steadfast")?;
    let mut steps = Steps::default();

    steps.run("formatting", || {
        with_component(
            "rustfmt",
            "fmt",
            args,
            cargo().args(["fmt", "--all", "--check"]),
        )
    });
    steps.run("lints", || {
        with_component("clippy", "clippy", args, &mut lints())
    });
    for selection in selections(steadfast)? {
        let name = if selection.is_empty() {
            "defaults"
        } else {
            &selection.join(" ")
        };
        steps.command(&format!("features: {name}"), &mut build(&selection));
    }
    steps.command("docs", &mut docs());
    steps.run("licences, sources, bans", deny);
    steps.run("oldest supported Rust", || msrv(steadfast));
    steps.run("concurrency models under loom", loom::models);
    steps.run("unsafe code", || {
        memory::check(memory::miri(), args.no_setup)
    });
    Ok(steps.finish("ci"))
}

fn lints() -> Command {
    let mut command = cargo();
    command
        .args(["clippy", "--workspace", "--all-targets", "--all-features"])
        .args(DENY_WARNINGS);
    command
}

/// Built as a user would, without what the tests of the workspace add to the dependencies.
fn build(selection: &[String]) -> Command {
    let subcommand = if has("clippy") { "clippy" } else { "check" };
    let mut command = cargo();
    command
        .args([subcommand, "--package", "steadfast", "--lib"])
        .args(selection);
    if subcommand == "clippy" {
        command.args(DENY_WARNINGS);
    }
    command
}

fn docs() -> Command {
    let mut command = cargo();
    command.env("RUSTDOCFLAGS", "-D warnings");
    command.args(["doc", "--workspace", "--exclude", "steadfast-bench"]);
    command.args(["--no-deps", "--all-features"]);
    command
}

/// Runs a command that needs a component of the toolchain, which rustup adds where it can.
fn with_component(
    component: &str,
    subcommand: &str,
    args: &Args,
    command: &mut Command,
) -> Result<Outcome> {
    let by_hand = format!("rustup component add {component}");
    if !has(subcommand) && !args.no_setup {
        answers(Command::new("rustup").args(["component", "add", component]));
    }
    if has(subcommand) {
        succeed(command)
    } else {
        Ok(Outcome::Skipped(format!("not installed (`{by_hand}`)")))
    }
}

fn deny() -> Result<Outcome> {
    if !has("deny") {
        let why = "cargo-deny is not installed (`cargo install --locked cargo-deny`)";
        return Ok(Outcome::Skipped(why.to_owned()));
    }
    succeed(cargo().args(["deny", "check", "bans", "licenses", "sources"]))
}

/// Checks with the version that the package promises, where rustup has it.
fn msrv(package: &Value) -> Result<Outcome> {
    let version = package["rust_version"]
        .as_str()
        .context("`steadfast` has no rust-version")?;
    match toolchain(version) {
        Some(toolchain) => succeed(cargo_of(&toolchain).args(["check", "--all-features"])),
        None => Ok(Outcome::Skipped(format!(
            "Rust {version} is not installed (`rustup toolchain install {version} --profile minimal`)"
        ))),
    }
}
