//! What installs a package on each kind of system, and what it takes.

use super::Tool;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manager {
    Apt,
    Dnf,
    Apk,
    Pacman,
    Brew,
}

/// By what right a package can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    Root,
    /// `sudo` may ask for a password only where somebody can type one.
    Sudo {
        may_ask: bool,
    },
    None,
}

impl Manager {
    const ALL: [Self; 5] = [Self::Apt, Self::Dnf, Self::Apk, Self::Pacman, Self::Brew];

    pub(super) fn detect(has: impl Fn(&str) -> bool) -> Option<Self> {
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
    pub(super) fn by_hand(self, tool: &Tool) -> String {
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
pub(super) fn plan(manager: Manager, tool: &Tool, right: Right) -> Option<Vec<String>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::{REDIS, VALGRIND};

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
}
