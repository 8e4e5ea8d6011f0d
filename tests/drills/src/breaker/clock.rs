//! The server's clock is set forward and back while the breaker is open.

use std::time::Duration;

use anyhow::{Result, ensure};
use steadfast_rig::{Server, StartError};

use crate::fleet::{Fleet, waited};
use crate::node::{Order, Place, Start};
use crate::report::Report;
use crate::times::now;

const HOUR: i64 = 3_600;
const RECOVERY_MS: u64 = 2_000;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = match Server::options().movable_clock().try_start() {
        Err(missing @ StartError::NoFaketime) => {
            report.skip("the clock", missing);
            return Ok(());
        }
        started => started?,
    };
    let mut start = Start::at(Place::Server(server.url()));
    start.recovery_ms = RECOVERY_MS;
    start.probe_timeout_ms = 1_000;
    let mut fleet = Fleet::start(4, &start)?;
    open(&mut fleet)?;
    server.shift_clock(HOUR);
    let answers = fleet.ask(&Order::Race(10, now(), 2_500))?;
    let mut probes = 0;
    for answered in answers {
        probes += waited(answered)?.count;
    }
    report.holds(
        "set forward: probes of 40 racers",
        "1 or 2, early or in time",
        probes,
        (1..=2).contains(&probes),
    );
    fleet.ask(&Order::Finish(Some(true)))?;
    fleet.reset()?;

    open(&mut fleet)?;
    let opened = now();
    server.shift_clock(-HOUR);
    let most = Duration::from_millis(2 * RECOVERY_MS);
    let node = &mut fleet.nodes[0];
    let waited = waited(node.ask(&Order::Admit(u64::try_from(most.as_millis())?))?)?;
    let after = waited.at.saturating_sub(opened) / 1_000_000;
    let in_time = waited.count == 1 && after <= RECOVERY_MS + 1_200;
    let measured = format!("a probe after {after} ms");
    report.holds(
        "set back: open for",
        "≤ 2000 ms and a poll",
        measured,
        in_time,
    );
    Ok(())
}

fn open(fleet: &mut Fleet) -> Result<()> {
    fleet.nodes[0].fail(40)?;
    let open = fleet.settles(Duration::from_secs(1), |shown| shown.state == "open")?;
    ensure!(open, "not open: {:?}", fleet.show()?);
    Ok(())
}
