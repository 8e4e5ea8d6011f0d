//! Four processes hoard leased tokens and spend all in one go.

use std::time::Duration;

use anyhow::Result;
use steadfast_rig::Server;

use super::node::{Task, Way};
use super::run::{Know, start};
use super::windows::{excess, merged};
use crate::report::Report;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    // 10,000 a second, 2,000 at once, in leases of 100 ms.
    let task = Task {
        max: 10_000,
        burst: Some(2_000),
        lease: Some(100),
        way: Way::Bursts(90),
        ..Task::at(&server.url())
    };
    for (what, way) in [
        ("hoarded for 90 ms, then spent", Way::Bursts(90)),
        ("drained after 400 ms of rest", Way::Bursts(400)),
        ("hammered", Way::Hammer),
    ] {
        let task = Task {
            way,
            ..task.clone()
        };
        let told = start(4, &task, Duration::from_secs(1), Know::Nothing)?.end()?;
        let taken = merged(&told);
        let excess = excess(&taken, 2_000.0, 10_000.0);
        report.holds(
            what,
            "excess ≤ 0 for every window",
            format!("{excess:.0} of {} tokens", taken.len()),
            excess <= 0.0 && !taken.is_empty(),
        );
    }
    Ok(())
}
