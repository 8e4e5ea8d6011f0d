//! Cargo and its relatives: how they are called, and what they say about the workspace.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The checkout's root, the folder above this crate's.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// The cargo that runs us, so that `cargo +toolchain xtask` holds for the children too.
pub(crate) fn cargo() -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    prepared(Command::new(program))
}

/// The cargo of another toolchain.
pub(crate) fn cargo_of(toolchain: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", toolchain, "cargo"]);
    prepared(command)
}

/// At the root, without what the cargo that started us set for our own crate: build scripts which
/// watch these variables would run again in every other build.
fn prepared(mut command: Command) -> Command {
    command.current_dir(root());
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// Whether a cargo subcommand (`nextest`, `deny`, `fmt`) is installed.
pub(crate) fn has(subcommand: &str) -> bool {
    answers(cargo().args([subcommand, "--version"]))
}

/// rustup's toolchain of a channel or version (`nightly`, `1.88`), where it is installed. Its list is
/// read, since running a toolchain to see whether it is there might install it.
pub(crate) fn toolchain(name: &str) -> Option<String> {
    let list = Command::new("rustup")
        .args(["toolchain", "list"])
        .stdin(Stdio::null())
        .output();
    listed(&String::from_utf8_lossy(&list.ok()?.stdout), name)
}

/// `1.88` is served by `1.88-x86_64-…` and by `1.88.0-x86_64-…`, not by `1.8-…`.
fn listed(list: &str, name: &str) -> Option<String> {
    let toolchains = list
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    toolchains.map(str::to_owned).find(|toolchain| {
        let channel = toolchain.split('-').next().unwrap_or_default();
        channel
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

/// Whether a command runs and ends well, its output unseen.
pub(crate) fn answers(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// What a command prints; an error with what it said where it fails.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let shown = shown(command);
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("`{shown}` could not be started"))?;
    if !output.status.success() {
        bail!("`{shown}` failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` did not print UTF-8"))
}

/// A command as one would type it, without the paths and the variables before it.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program
        .file_stem()
        .unwrap_or(program.as_os_str())
        .to_string_lossy();
    let args = command.get_args().map(std::ffi::OsStr::to_string_lossy);
    std::iter::once(name)
        .chain(args)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The workspace as cargo sees it, without its dependencies.
pub(crate) fn metadata() -> Result<Value> {
    let text = output(cargo().args(["metadata", "--format-version", "1", "--no-deps"]))?;
    serde_json::from_str(&text).context("`cargo metadata` printed no JSON")
}

/// Where builds go, whatever sets it.
pub(crate) fn target_dir() -> Result<PathBuf> {
    let metadata = metadata()?;
    let path = metadata["target_directory"].as_str();
    path.map(PathBuf::from)
        .context("`cargo metadata` names no target_directory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_is_found_by_channel_or_version() {
        let list =
            "stable-x86_64-unknown-linux-gnu (active, default)\n1.88.0-x86_64-apple-darwin\n";
        let found = |name| listed(list, name);
        assert_eq!(
            found("stable").as_deref(),
            Some("stable-x86_64-unknown-linux-gnu")
        );
        assert_eq!(found("1.88").as_deref(), Some("1.88.0-x86_64-apple-darwin"));
        assert_eq!(found("1.8"), None);
        assert_eq!(found("nightly"), None);
        assert_eq!(listed("no installed toolchains\n", "nightly"), None);
    }

    #[test]
    fn the_root_is_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
        assert!(root().join("xtask").is_dir());
    }

    #[test]
    fn a_missing_program_does_not_answer() {
        assert!(!answers(&mut Command::new("steadfast-no-such-program")));
        let error = output(Command::new("steadfast-no-such-program").arg("-v")).unwrap_err();
        let text = error.to_string();
        assert_eq!(text, "`steadfast-no-such-program -v` could not be started");
    }

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = Command::new("/opt/rust/bin/cargo");
        command.args(["test", "--doc"]);
        assert_eq!(shown(&command), "cargo test --doc");
    }
}
