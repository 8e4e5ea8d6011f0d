//! Finding the programs that tests need, and installing them from the system's package manager.

use std::env;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::bounded;

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

pub(crate) const VALGRIND: Tool = Tool {
    program: "valgrind",
    apt: "valgrind",
    others: "valgrind",
    wanted_by: "the check of unsafe code where Miri is not installed",
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
    Apk,
    Pacman,
    Brew,
}

/// By what right a package can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    Root,
    /// `sudo` may ask for a password only where somebody can type one.
    Sudo {
        may_ask: bool,
    },
    None,
}

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

impl Manager {
    const ALL: [Self; 5] = [Self::Apt, Self::Dnf, Self::Apk, Self::Pacman, Self::Brew];

    fn detect(has: impl Fn(&str) -> bool) -> Option<Self> {
        Self::ALL.into_iter().find(|manager| has(manager.program()))
    }

    fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Apk => "apk",
            Self::Pacman => "pacman",
            Self::Brew => "brew",
        }
    }

    /// The commands that install a tool, as root would type them.
    fn commands(self, tool: &Tool) -> Vec<String> {
        let Tool { apt, others, .. } = tool;
        match self {
            // A fresh machine has no index. Another apt may hold the lock for a while; `RUNLEVEL=1`
            // keeps Debian from starting a Redis service that nobody asked for.
            Self::Apt => vec![
                "apt-get -qq -o DPkg::Lock::Timeout=120 update".to_owned(),
                format!(
                    "env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -qq -y \
                     -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 --no-install-recommends install {apt}"
                ),
            ],
            Self::Dnf => vec![format!("dnf -q -y install {others}")],
            Self::Apk => vec![format!("apk add --no-cache {others}")],
            Self::Pacman => vec![format!("pacman -S --noconfirm --needed {others}")],
            Self::Brew => vec![format!("brew install {others}")],
        }
    }

    /// What a person would type.
    fn by_hand(self, tool: &Tool) -> String {
        let Tool { apt, others, .. } = tool;
        match self {
            Self::Apt => format!("sudo apt-get update && sudo apt-get install {apt}"),
            Self::Dnf => format!("sudo dnf install {others}"),
            Self::Apk => format!("doas apk add {others}"),
            Self::Pacman => format!("sudo pacman -S {others}"),
            Self::Brew => format!("brew install {others}"),
        }
    }
}

/// The commands that install a tool from here; none where we may not.
fn plan(manager: Manager, tool: &Tool, right: Right) -> Option<Vec<String>> {
    let prefix = match right {
        Right::Root => "",
        Right::Sudo { may_ask: true } => "sudo ",
        Right::Sudo { may_ask: false } => "sudo -n ",
        Right::None => return None,
    };
    let commands = manager.commands(tool).into_iter();
    Some(
        commands
            .map(|command| format!("{prefix}{command}"))
            .collect(),
    )
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
    fn the_package_manager_is_the_one_that_is_there() {
        for manager in Manager::ALL {
            assert_eq!(
                Manager::detect(|program| program == manager.program()),
                Some(manager)
            );
        }
        assert_eq!(Manager::detect(|_| true), Some(Manager::Apt));
        assert_eq!(Manager::detect(|_| false), None);
    }

    #[test]
    fn root_renews_the_index_of_apt_once_and_then_installs() {
        let plan = plan(Manager::Apt, &REDIS, Right::Root).unwrap();
        assert_eq!(plan.len(), 2);
        assert!(plan[0].ends_with(" update"), "{plan:?}");
        assert!(plan[1].ends_with(" install redis-server"), "{plan:?}");
    }

    #[test]
    fn sudo_asks_only_where_somebody_can_answer() {
        let first = |right| plan(Manager::Dnf, &REDIS, right).unwrap().remove(0);
        assert_eq!(
            first(Right::Sudo { may_ask: true }),
            "sudo dnf -q -y install redis"
        );
        assert_eq!(
            first(Right::Sudo { may_ask: false }),
            "sudo -n dnf -q -y install redis"
        );
    }

    #[test]
    fn without_the_right_nothing_is_tried() {
        assert_eq!(plan(Manager::Apk, &VALGRIND, Right::None), None);
    }

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
