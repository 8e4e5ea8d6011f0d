//! Redis forgets everything while the breaker is open.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use steadfast_rig::{Server, wait_for};

use super::store;
use crate::fleet::Fleet;
use crate::node::{Place, Start};
use crate::report::Report;
use crate::times::{Control, Times, now};

/// The poll's period p of so small a fleet, and what the contract grants beyond it.
const LIMIT: Duration = Duration::from_millis(1_200);
const ROUNDS: usize = 2;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let mut fleet = Fleet::start(4, &Start::at(Place::Server(server.url())))?;
    fleet.nodes[0].fail(40)?;
    fleet.expect("open")?;
    fleet.forget_events()?;
    let epoch = store::field(&server, "ep");
    let (control, mut times) = (Control::begin(), Times::default());
    for round in 0..ROUNDS {
        sleep(Duration::from_millis(370 * round as u64));
        let flushed = now();
        server.command(&["FLUSHALL"]);
        let restored = wait_for(Duration::from_secs(13), || store::field(&server, "st") == 1);
        ensure!(restored, "nobody restored the open state");
        times.add(now() - flushed);
    }
    report.worst(
        "FLUSHALL to open again in Redis",
        LIMIT,
        &times,
        &control.end(),
    );
    report.is("its epoch", epoch, store::field(&server, "ep"));
    report.is("meanwhile, in all", "open".to_owned(), fleet.states()?);
    let moved = fleet.last_to("closed")?.or(fleet.last_to("half_open")?);
    report.holds(
        "states in between",
        "none",
        format!("{moved:?}"),
        moved.is_none(),
    );
    let left = fleet.nodes[0].show()?.retry_in_ms.context("not open")?;
    report.holds(
        "time left of 30 s",
        "goes on",
        format!("{left:.0} ms"),
        left < 30_000.0,
    );
    Ok(())
}
