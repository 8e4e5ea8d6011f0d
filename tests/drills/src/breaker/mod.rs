//! The drills of breakers that a fleet shares.

mod clock;
mod cluster;
mod faults;
mod flush;
mod network;
mod outage;
mod probes;
mod resets;
mod rest;
mod restart;
mod scale;
mod scripts;
mod sentinel;
pub mod store;
mod threshold;
mod tls;

use crate::list::Drill;

/// Them all.
pub const DRILLS: &[Drill] = &[
    drill(
        "1",
        "8 processes complete a threshold",
        true,
        threshold::run,
    ),
    drill(
        "2",
        "commands at rest under a million calls",
        false,
        rest::run,
    ),
    drill("3", "200 racers for 3 probes, killed", false, probes::run),
    drill("4", "all processes killed while open", true, restart::run),
    drill("5", "Redis killed under load", false, outage::killed),
    drill("6", "Redis hangs under load", false, outage::hung),
    drill("7", "faults of the network", false, network::run),
    drill("8", "FLUSHALL while open", true, flush::run),
    drill("9", "SCRIPT FLUSH under load", false, scripts::run),
    drill("10", "a Redis that refuses", false, faults::run),
    drill("11", "sentinels fail over", false, sentinel::run),
    drill("12", "3000 slots move under load", true, cluster::run),
    drill("16", "TLS", true, tls::run),
    drill(
        "17",
        "a reset while 8 processes are open",
        true,
        resets::run,
    ),
    drill("scale", "1 to 32 instances, 20 breakers", false, scale::run),
    drill(
        "clock",
        "the server's clock jumps by an hour",
        true,
        clock::run,
    ),
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
