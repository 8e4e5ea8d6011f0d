//! Running named steps to the end, whatever fails on the way, and saying at the end what did.

use std::fmt;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cargo::shown;

/// How a step that did not fail ended.
pub(crate) enum Outcome {
    Done,
    /// Not run, and why: a tool that is not installed.
    Skipped(String),
}

enum Ending {
    Done,
    Skipped(String),
    Failed(String),
}

struct Step {
    name: String,
    ending: Ending,
    took: Duration,
}

/// The steps run so far.
#[derive(Default)]
pub(crate) struct Steps {
    steps: Vec<Step>,
}

impl Steps {
    /// Runs one step under its heading; a failure is kept for [`Steps::finish`].
    pub(crate) fn run(&mut self, name: &str, work: impl FnOnce() -> Result<Outcome>) {
        eprintln!("\n==> {name}");
        let start = Instant::now();
        let ending = match work() {
            Ok(Outcome::Done) => Ending::Done,
            Ok(Outcome::Skipped(why)) => Ending::Skipped(why),
            Err(error) => Ending::Failed(format!("{error:#}")),
        };
        let step = Step {
            name: name.to_owned(),
            ending,
            took: start.elapsed(),
        };
        eprintln!("<== {step}");
        self.steps.push(step);
    }

    /// Runs one command as a step.
    pub(crate) fn command(&mut self, name: &str, command: &mut Command) {
        self.run(name, || succeed(command));
    }

    /// Lists every step; the exit code is 1 when one failed.
    pub(crate) fn finish(self, task: &str) -> ExitCode {
        let took: Duration = self.steps.iter().map(|step| step.took).sum();
        let count = |is: fn(&Ending) -> bool| self.steps.iter().filter(|s| is(&s.ending)).count();
        let failed = count(|ending| matches!(ending, Ending::Failed(_)));
        let skipped = count(|ending| matches!(ending, Ending::Skipped(_)));
        let (all, took) = (self.steps.len(), took.as_secs_f64());
        eprintln!("\n{task}: {all} steps, {failed} failed, {skipped} skipped, {took:.1}s");
        for step in &self.steps {
            eprintln!("  {step}");
        }
        if failed == 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, took) = (&self.name, self.took.as_secs_f64());
        match &self.ending {
            Ending::Done => write!(f, "ok      {took:>6.1}s  {name}"),
            Ending::Skipped(why) => write!(f, "skipped {took:>6.1}s  {name}: {why}"),
            Ending::Failed(why) => write!(f, "FAILED  {took:>6.1}s  {name}: {why}"),
        }
    }
}

/// Runs a command with our output; an exit code other than 0 is an error.
pub(crate) fn succeed(command: &mut Command) -> Result<Outcome> {
    let shown = shown(command);
    eprintln!("    {shown}");
    let status = command.stdin(Stdio::null()).status();
    let status = status.with_context(|| format!("`{shown}` could not be started"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debug(code: ExitCode) -> String {
        format!("{code:?}")
    }

    #[test]
    fn every_step_runs_though_one_failed_and_the_end_fails() {
        let mut steps = Steps::default();
        let mut ran = Vec::new();
        steps.run("first", || {
            ran.push(1);
            bail!("broken")
        });
        steps.run("second", || {
            ran.push(2);
            Ok(Outcome::Done)
        });
        assert_eq!(ran, [1, 2]);
        let lines: Vec<_> = steps.steps.iter().map(Step::to_string).collect();
        assert_eq!(
            lines,
            ["FAILED     0.0s  first: broken", "ok         0.0s  second"]
        );
        assert_eq!(debug(steps.finish("test")), debug(ExitCode::FAILURE));
    }

    #[test]
    fn a_skipped_step_says_why_and_fails_nothing() {
        let mut steps = Steps::default();
        steps.run("deny", || Ok(Outcome::Skipped("not installed".to_owned())));
        assert_eq!(
            steps.steps[0].to_string(),
            "skipped    0.0s  deny: not installed"
        );
        assert_eq!(debug(steps.finish("test")), debug(ExitCode::SUCCESS));
    }

    #[test]
    fn a_command_that_is_not_there_is_a_failed_step() {
        let mut steps = Steps::default();
        steps.command("gone", &mut Command::new("steadfast-no-such-program"));
        let line = steps.steps[0].to_string();
        assert!(
            line.contains("gone: `steadfast-no-such-program` could not be started"),
            "{line}"
        );
        assert_eq!(debug(steps.finish("test")), debug(ExitCode::FAILURE));
    }
}
