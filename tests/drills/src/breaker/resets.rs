//! An operator resets, and all are closed.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use steadfast_rig::Server;

use crate::fleet::Fleet;
use crate::node::{Order, Place, Start};
use crate::report::Report;
use crate::times::{Control, Times, now};

const ROUNDS: usize = 60;
const NODES: usize = 8;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let mut fleet = Fleet::start(NODES, &Start::at(Place::Server(server.url())))?;
    let control = Control::begin();
    let mut times = Times::default();
    for round in 0..ROUNDS {
        fleet.nodes[(round + 3) % NODES].fail(40)?;
        let open = fleet.settles(Duration::from_secs(2), |shown| shown.state == "open")?;
        ensure!(open, "round {round}: {:?}", fleet.show()?);
        fleet.forget_events()?;
        let told = now();
        fleet.nodes[round % NODES].ask(&Order::Steer("reset".to_owned()))?;
        let closed = fleet.settles(Duration::from_secs(2), |shown| shown.state == "closed")?;
        ensure!(closed, "round {round}: {:?}", fleet.show()?);
        times.add(
            fleet
                .last_to("closed")?
                .context("no event")?
                .saturating_sub(told),
        );
    }
    let control = control.end();
    report.timed(
        "reset to closed in all 8",
        Duration::from_millis(10),
        &times,
        &control,
    );

    fleet.nodes[0].ask(&Order::Steer("force_open".to_owned()))?;
    let forced = fleet.settles(Duration::from_secs(2), |shown| shown.state == "forced_open")?;
    report.holds(
        "forced open by one",
        "forced_open in all",
        fleet.states()?,
        forced,
    );
    fleet.nodes[1].ask(&Order::Steer("release".to_owned()))?;
    let released = fleet.settles(Duration::from_secs(2), |shown| shown.state == "closed")?;
    report.holds(
        "released by another",
        "closed in all",
        fleet.states()?,
        released,
    );
    Ok(())
}
