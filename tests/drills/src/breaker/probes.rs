//! Two hundred ask for a probe at once, and those who got one die.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use steadfast_rig::Server;

use crate::fleet::{Fleet, millis, waited};
use crate::node::{Order, Place, Start, Waited};
use crate::report::Report;
use crate::times::now;

const NODES: usize = 8;
const EACH: u32 = 25;
const PROBES: u32 = 3;
const LEASE: Duration = Duration::from_secs(3);

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let mut start = Start::at(Place::Server(server.url()));
    start.recovery_ms = 1_000;
    start.half_open = PROBES;
    start.close_after = PROBES;
    start.probe_timeout_ms = millis(LEASE);
    let mut fleet = Fleet::start(NODES, &start)?;
    fleet.nodes[0].fail(40)?;
    fleet.expect("open")?;
    let left = fleet.nodes[0].show()?.retry_in_ms.unwrap_or(0.0);
    let due = now() + (left * 1e6) as u64;

    race(&mut fleet, now(), 200)?.report(report, "probes of 200 racers while open", 0);
    let won = race(&mut fleet, due.saturating_sub(5_000_000), 1_000)?;
    won.report(report, "probes at the end of the open time", PROBES);

    for (node, won) in fleet.nodes.iter_mut().zip(&won.0) {
        if won.count > 0 {
            node.process().kill();
        }
    }
    let mut won = won.0.iter();
    fleet
        .nodes
        .retain(|_| won.next().is_some_and(|won| won.count == 0));
    ensure!(!fleet.nodes.is_empty(), "there was a prober in every node");
    let early = race(&mut fleet, now(), 1_000)?;
    early.report(report, "their holders killed, within the lease", 0);
    sleep(LEASE.saturating_sub(Duration::from_millis(1_500)));
    let late = race(&mut fleet, now(), 1_500)?;
    late.report(report, "after the lease", PROBES);

    fleet.ask(&Order::Finish(Some(true)))?;
    let closed = fleet.settles(Duration::from_secs(2), |shown| shown.state == "closed")?;
    report.holds(
        "when those succeed",
        "closed in all",
        fleet.states()?,
        closed,
    );
    Ok(())
}

/// All ask from one time on.
fn race(fleet: &mut Fleet, from: u64, most: u64) -> Result<Won> {
    let answers = fleet.ask(&Order::Race(EACH, from, most))?;
    let won: Result<_> = answers.into_iter().map(waited).collect();
    Ok(Won(won?))
}

/// What each node got.
struct Won(Vec<Waited>);

impl Won {
    /// A node that lost Redis for a moment, since so many threads keep the machine busy, may have sent
    /// one probe of its own: that is no lease.
    fn report(&self, report: &mut Report, what: &str, leases: u32) {
        let of = |alone: bool| {
            let won = self.0.iter().filter(|won| won.degraded == alone);
            won.map(|won| won.count).sum::<u64>()
        };
        let (shared, alone) = (of(false), of(true));
        let nodes = self.0.iter().filter(|won| won.degraded).count();
        let leases = u64::from(leases);
        let (measured, ok) = match nodes {
            0 => (shared.to_string(), shared == leases),
            _ => (
                format!("{shared}, and {alone} of {nodes} nodes without Redis"),
                shared <= leases && alone <= nodes as u64,
            ),
        };
        report.holds(what, &leases.to_string(), measured, ok);
    }
}
