//! All processes die while it is open; those that start anew find it so.

use std::time::Duration;

use anyhow::{Context, Result};
use steadfast_rig::Server;

use super::store;
use crate::fleet::Fleet;
use crate::node::{Place, Start};
use crate::report::Report;
use crate::times::{ms, now};

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let start = Start::at(Place::Server(server.url()));
    let mut fleet = Fleet::start(4, &start)?;
    fleet.nodes[0].fail(40)?;
    fleet.expect("open")?;
    let due = due(&mut fleet)?;
    for node in &mut fleet.nodes {
        node.process().kill();
    }
    drop(fleet);

    let mut fleet = Fleet::start(4, &start)?;
    let open = fleet.settles(Duration::from_secs(2), |shown| shown.state == "open")?;
    report.holds("after the restart", "open in all", fleet.states()?, open);
    let off = ms(self::due(&mut fleet)?.abs_diff(due));
    let measured = format!("{off:.2} ms off");
    report.holds(
        "the end of the open time",
        "the same ± 50 ms",
        measured,
        off <= 50.0,
    );
    let ttl = server.command(&["PTTL", &store::state_key("drill")]);
    let ttl = ttl.int().unwrap_or(0);
    report.holds("PTTL of the state", "> 0", ttl, ttl > 0);
    Ok(())
}

/// When a probe may be tried, as a point in time.
fn due(fleet: &mut Fleet) -> Result<u64> {
    let asked = now();
    let left = fleet.nodes[1]
        .show()?
        .retry_in_ms
        .context("it is not open")?;
    let answered = now();
    Ok(u64::midpoint(asked, answered) + (left * 1e6) as u64)
}
