//! Eight processes see failures; the one that completes the threshold opens it for all.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use steadfast_rig::Server;

use super::store;
use crate::fleet::{Fleet, done};
use crate::node::{On, Order, Place, Start};
use crate::report::Report;
use crate::times::{Control, Times};

const ROUNDS: usize = 60;
const NODES: usize = 8;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let mut fleet = Fleet::start(NODES, &Start::at(Place::Server(server.url())))?;
    one_short(&mut fleet, &server, 7)?;
    sleep(Duration::from_millis(300));
    report.is("after 39 failures", "closed".to_owned(), fleet.states()?);

    let control = Control::begin();
    let mut times = Times::default();
    let mut refused = 0;
    for round in 0..ROUNDS {
        if round > 0 {
            fleet.reset()?;
            one_short(&mut fleet, &server, round % NODES)?;
        }
        fleet.forget_events()?;
        let last = fleet.nodes[round % NODES].fail(1)?.last.0;
        let open = fleet.settles(Duration::from_secs(2), |shown| shown.state == "open")?;
        ensure!(open, "round {round}: {:?}", fleet.show()?);
        times.add(
            fleet
                .last_to("open")?
                .context("no event")?
                .saturating_sub(last),
        );
        for answered in fleet.ask(&Order::Fail(1, On::Drill))? {
            refused += done(answered)?.refused;
        }
    }
    let control = control.end();
    report.timed(
        "40th failure to open in all 8",
        Duration::from_millis(10),
        &times,
        &control,
    );
    report.is("calls refused then", (ROUNDS * NODES) as u64, refused);
    Ok(())
}

/// Thirty-nine failures, spread over all, of which Redis knows.
fn one_short(fleet: &mut Fleet, server: &Server, last: usize) -> Result<()> {
    for (place, node) in fleet.nodes.iter_mut().enumerate() {
        let count = if place == last { 4 } else { 5 };
        ensure!(
            node.fail(count)?.admitted == u64::from(count),
            "a call was refused"
        );
    }
    ensure!(
        store::has_counted(server, 39),
        "{} were counted",
        store::failures(server)
    );
    Ok(())
}
