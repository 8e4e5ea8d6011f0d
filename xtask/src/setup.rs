//! Finding the programs that tests need, and installing them from the system's package manager.

mod manager;

use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::bounded;

use manager::{Manager, Right, plan};

/// A program, and the package that has it.
pub(crate) struct Tool {
    pub(crate) program: &'static str,
    apt: &'static str,
    others: &'static str,
    wanted_by: &'static str,
}

/// The sentinels are this program too, as `redis-server --sentinel`.
pub(crate) const REDIS: Tool = Tool {
    program: "redis-server",
    apt: "redis-server",
    others: "redis",
    wanted_by: "the tests of shared state",
};

pub(crate) const DEMOS_REDIS: Tool = Tool {
    wanted_by: "the demo's queue of e-mails, and its shared breakers",
    ..REDIS
};

/// Only its library is used, which moves the clock of one server.
pub(crate) const FAKETIME: Tool = Tool {
    program: "faketime",
    apt: "faketime",
    others: "libfaketime",
    wanted_by: "the tests of a Redis whose clock jumps",
};

/// `promtool` is in the same package.
pub(crate) const PROMETHEUS: Tool = Tool {
    program: "prometheus",
    apt: "prometheus",
    others: "prometheus",
    wanted_by: "the tests of metrics and alert rules",
};

pub(crate) const CHROMEDRIVER: Tool = Tool {
    program: "chromedriver",
    apt: "chromium chromium-driver",
    others: "chromium",
    wanted_by: "the tests of the live page",
};

pub(crate) const VALGRIND: Tool = Tool {
    program: "valgrind",
    apt: "valgrind libc6-dbg",
    others: "valgrind",
    wanted_by: "the check of unsafe code where Miri is not installed",
};

/// Makes sure that a program is there; where it cannot be had, says so and how to get it by hand.
pub(crate) fn ensure(tool: &Tool) -> bool {
    if let Some(path) = find(tool.program) {
        eprintln!("{}: {}", tool.program, path.display());
        return true;
    }
    let Some(manager) = Manager::detect(|program| find(program).is_some()) else {
        eprintln!(
            "{}",
            missing(
                tool,
                "none of apt-get, dnf, apk, pacman and brew is here",
                None
            )
        );
        return false;
    };
    let Some(commands) = plan(manager, tool, right(manager)) else {
        let why = "we are not root and there is no sudo";
        eprintln!("{}", missing(tool, why, Some(manager)));
        return false;
    };
    eprintln!(
        "{} is missing, for {}: installing it",
        tool.program, tool.wanted_by
    );
    for command in commands {
        if let Err(why) = execute(&command) {
            eprintln!("{why}"); // an index that could not be renewed may still do
        }
    }
    let there = find(tool.program).is_some();
    if !there {
        eprintln!(
            "{}",
            missing(
                tool,
                "the package manager did not install it",
                Some(manager)
            )
        );
    }
    there
}

fn right(manager: Manager) -> Right {
    if manager == Manager::Brew {
        return Right::Root; // it belongs to the user and refuses to run as root
    }
    let id = Command::new("id").arg("-u").output();
    if id.is_ok_and(|id| id.stdout == b"0\n") {
        Right::Root
    } else if find("sudo").is_some() {
        Right::Sudo {
            may_ask: io::stdin().is_terminal() && env::var_os("CI").is_none(),
        }
    } else {
        Right::None
    }
}

/// What to say when a tool cannot be had.
fn missing(tool: &Tool, why: &str, manager: Option<Manager>) -> String {
    let Tool {
        program,
        others,
        wanted_by,
        ..
    } = tool;
    let by_hand = match manager {
        Some(manager) => format!("by hand: {}", manager.by_hand(tool)),
        None => format!("by hand: install the package `{others}`"),
    };
    format!(
        "warning: {program} is missing and cannot be installed: {why}.\n\
         \x20        It is for {wanted_by}; everything else runs without it.\n\
         \x20        {by_hand}"
    )
}

/// Runs one line of a plan; a package manager that hangs is stopped.
fn execute(line: &str) -> Result<(), String> {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    let asks = line.starts_with("sudo ") && !line.starts_with("sudo -n ");
    let ended = if asks {
        eprintln!("    {line}");
        command
            .stdin(Stdio::inherit())
            .status()
            .map_err(anyhow::Error::from)
    } else {
        bounded::run(&mut command, Duration::from_secs(300)).map(|ended| ended.status)
    };
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed ({status})")),
        Err(error) => Err(format!("{error:#}")),
    }
}

/// Where a program is on the PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let name = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::split_paths(&path)
        .map(|folder| folder.join(&name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_command_to_type() {
        let text = missing(
            &REDIS,
            "we are not root and there is no sudo",
            Some(Manager::Apk),
        );
        assert!(
            text.starts_with("warning: redis-server is missing"),
            "{text}"
        );
        assert!(text.ends_with("by hand: doas apk add redis"), "{text}");
        let text = missing(&REDIS, "none of apt-get, …", None);
        assert!(
            text.ends_with("by hand: install the package `redis`"),
            "{text}"
        );
    }

    #[test]
    fn a_line_that_fails_says_so() {
        let error = execute("steadfast-no-such-program -y").unwrap_err();
        assert!(error.contains("could not be started"), "{error}");
    }

    #[test]
    fn a_program_is_found_on_the_path_alone() {
        assert!(find("cargo").is_some());
        assert_eq!(find("steadfast-no-such-program"), None);
    }
}
