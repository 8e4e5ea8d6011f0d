//! Clippy, and how much its word counts.

use std::process::Command;

use crate::cargo::{cargo, output};

/// The release whose lints the code is held to: `1.N`. Raise it together with the changes that the
/// newer lints ask for.
const LINTED_WITH: u32 = 95;

/// What becomes of a lint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lints {
    Errors,
    /// A newer compiler has lints that this code never met: they are shown, and fail nothing.
    Shown,
    NotInstalled,
}

impl Lints {
    pub(crate) fn find() -> Self {
        let version = output(cargo().args(["clippy", "--version"]));
        version.map_or(Self::NotInstalled, |version| Self::of(&version))
    }

    /// By `clippy 0.1.95 (f2d3ce0bd 2026-03-21)`.
    fn of(version: &str) -> Self {
        let number = version.split_whitespace().nth(1).unwrap_or_default();
        let release = number.rsplit('.').next().unwrap_or_default();
        let release = release.split('-').next().unwrap_or_default();
        match release.parse::<u32>() {
            Ok(release) if release > LINTED_WITH => Self::Shown,
            _ => Self::Errors,
        }
    }

    /// What to add to the name of a step.
    pub(crate) fn note(self) -> String {
        match self {
            Self::Shown => format!(" (shown only: newer than Rust 1.{LINTED_WITH})"),
            Self::Errors | Self::NotInstalled => String::new(),
        }
    }

    /// Clippy over a selection; a plain check where it is not installed.
    pub(crate) fn command<'a>(self, selection: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = cargo();
        command.arg(if self == Self::NotInstalled {
            "check"
        } else {
            "clippy"
        });
        command.args(selection);
        if self == Self::Errors {
            command.args(["--", "-D", "warnings"]);
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cargo::shown;

    #[test]
    fn only_lints_the_code_has_met_are_errors() {
        let newer = LINTED_WITH + 1;
        assert_eq!(
            Lints::of(&format!("clippy 0.1.{LINTED_WITH} (f2d3ce0bd 2026-03-21)")),
            Lints::Errors
        );
        assert_eq!(
            Lints::of("clippy 0.1.88 (6b00bc388 2025-06-23)"),
            Lints::Errors
        );
        assert_eq!(
            Lints::of(&format!("clippy 0.1.{newer} (58cf8f9c3 2026-10-13)")),
            Lints::Shown
        );
        assert_eq!(
            Lints::of(&format!("clippy 0.1.{newer}-nightly (58cf8f9c3)")),
            Lints::Shown
        );
        assert_eq!(Lints::of("clippy of my own"), Lints::Errors);
    }

    #[test]
    fn without_clippy_the_code_is_still_checked() {
        let line = |lints: Lints| shown(&lints.command(["--lib"]));
        assert!(line(Lints::Errors).ends_with("clippy --lib -- -D warnings"));
        assert!(line(Lints::Shown).ends_with("clippy --lib"));
        assert!(line(Lints::NotInstalled).ends_with("check --lib"));
    }
}
