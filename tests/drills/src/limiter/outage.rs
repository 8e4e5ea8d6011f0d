//! Redis is away for longer than `fail_open`: each goes by its part, then all deny; and back without a burst.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use steadfast_rig::Server;

use super::node::Task;
use super::run::{Know, start};
use super::windows::merged;
use crate::report::Report;
use crate::times::now;

const FAIL_OPEN: Duration = Duration::from_secs(10);

pub(super) fn run(report: &mut Report) -> Result<()> {
    let mut server = Server::start();
    let task = Task {
        max: 400,
        per: 1_000,
        burst: Some(400),
        fail_open: 10_000,
        probe: 1_000,
        ..Task::at(&server.url())
    };
    let takers = start(4, &task, Duration::from_secs(30), Know::EachOther)?;
    let from = takers.from;
    sleep(Duration::from_secs(4));
    let gone = (now() - from) / 1_000;
    server.kill();
    sleep(FAIL_OPEN + Duration::from_secs(4));
    let back = (now() - from) / 1_000;
    server.restart();
    let told = takers.end()?;
    let taken = merged(&told);
    let between = |a: u64, b: u64| taken.iter().filter(|time| (a..b).contains(time)).count();
    let second = 1_000_000;
    // From a second before, so that the switch is in it.
    let (begins, ends) = (gone.saturating_sub(second), gone + 9 * second);
    let count = between(begins, ends);
    let most = 400.0 * ((ends - begins) as f64 / 1e6) * 1.02;
    report.holds(
        "the fleet, from 1 s before to 9 s after",
        "≤ limit × 1.02",
        format!("{count} of {most:.0}"),
        (count as f64) <= most,
    );
    report.holds(
        "memory serves",
        "≥ 90 % of the limit",
        between(gone + second, gone + 9 * second),
        between(gone + second, gone + 9 * second) as f64 >= 400.0 * 8.0 * 0.9,
    );
    let denied = between(gone + 11 * second, back);
    report.is("tokens after fail_open", 0, denied);
    let first = told
        .iter()
        .filter_map(|told| told.unavailable)
        .min()
        .unwrap_or(0);
    report.holds(
        "unavailable after",
        "10 s",
        format!("{:.2} s", (first.saturating_sub(gone)) as f64 / 1e6),
        (9_500_000..12_000_000).contains(&first.saturating_sub(gone)),
    );
    let rejoined = taken
        .iter()
        .find(|time| **time > back)
        .copied()
        .unwrap_or(u64::MAX);
    let after = between(rejoined, rejoined.saturating_add(5 * second));
    // The burst, of which the debit leaves nothing where all were spent, and what flows in.
    report.holds(
        "5 s after Redis is back",
        "≤ burst + limit × 5 s",
        format!("{after} of 2400"),
        after > 0 && after <= 2_400,
    );
    report.holds(
        "back after",
        "≤ a probe + 100 ms",
        format!("{:.2} s", rejoined.saturating_sub(back) as f64 / 1e6),
        rejoined.saturating_sub(back) < 4_000_000,
    );
    Ok(())
}
