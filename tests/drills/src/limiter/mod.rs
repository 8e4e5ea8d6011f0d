//! The drills of limits that a fleet shares.

mod adversary;
mod efficiency;
mod hammer;
mod keys;
mod killed;
pub mod node;
mod outage;
mod run;
mod windows;

use crate::list::Drill;

/// Them all.
pub const DRILLS: &[Drill] = &[
    drill("13", "4 hoarders of leased tokens", true, adversary::run),
    drill("14", "round trips of leased tokens", false, efficiency::run),
    drill("15", "an outage longer than fail_open", false, outage::run),
    drill("hammer", "4 processes hammer one limit", false, hammer::run),
    drill(
        "killed",
        "Redis killed under a limit's load",
        false,
        killed::run,
    ),
    drill("keys", "a million keys", false, keys::run),
];

const fn drill(
    id: &'static str,
    title: &'static str,
    quick: bool,
    run: fn(&mut crate::report::Report) -> anyhow::Result<()>,
) -> Drill {
    Drill {
        id,
        title,
        quick,
        run,
    }
}
