//! `cargo xtask ci`: what must hold besides the tests.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cargo::{answers, cargo, cargo_of, has, metadata, toolchain};
use crate::features::{package, selections};
use crate::lints::Lints;
use crate::steps::{Outcome, Steps, succeed};
use crate::{loom, memory};

const WORKSPACE: [&str; 3] = ["--workspace", "--all-targets", "--all-features"];

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Install nothing: what needs a missing tool is skipped.
    #[arg(long)]
    no_setup: bool,
}

impl Args {
    /// Whether the toolchain has a component, which rustup adds where it can and may.
    fn has_component(&self, component: &str, subcommand: &str) -> bool {
        if has(subcommand) {
            return true;
        }
        let mut add = Command::new("rustup");
        !self.no_setup && answers(add.args(["component", "add", component])) && has(subcommand)
    }
}

/// Runs every step, whatever fails on the way. The order lets each build what the next one needs:
/// clippy, docs and the features share one set of checked dependencies.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let metadata = metadata()?;
    let steadfast = package(&metadata, "steadfast")?;
    let mut steps = Steps::default();

    steps.run("formatting", || formatting(args));
    let lints = lints(args);
    steps.run(&format!("lints{}", lints.note()), || whole(lints));
    for selection in selections(steadfast)? {
        let name = if selection.is_empty() {
            "defaults"
        } else {
            &selection.join(" ")
        };
        // As a user builds it, without what the workspace's tests add to the dependencies.
        let args = ["--package", "steadfast", "--lib"];
        let args = args.into_iter().chain(selection.iter().map(String::as_str));
        steps.command(&format!("features: {name}"), &mut lints.command(args));
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

fn formatting(args: &Args) -> Result<Outcome> {
    if args.has_component("rustfmt", "fmt") {
        return succeed(cargo().args(["fmt", "--all", "--check"]));
    }
    let why = "rustfmt is not installed (`rustup component add rustfmt`)";
    Ok(Outcome::Skipped(why.to_owned()))
}

fn lints(args: &Args) -> Lints {
    if args.has_component("clippy", "clippy") {
        Lints::find()
    } else {
        Lints::NotInstalled
    }
}

fn whole(lints: Lints) -> Result<Outcome> {
    succeed(&mut lints.command(WORKSPACE))?;
    if lints == Lints::NotInstalled {
        let why = "checked only, clippy is not installed (`rustup component add clippy`)";
        return Ok(Outcome::Skipped(why.to_owned()));
    }
    Ok(Outcome::Done)
}

fn docs() -> Command {
    let mut command = cargo();
    command.env("RUSTDOCFLAGS", "-D warnings");
    command.args(["doc", "--workspace", "--exclude", "steadfast-bench"]);
    command.args(["--no-deps", "--all-features"]);
    command
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
