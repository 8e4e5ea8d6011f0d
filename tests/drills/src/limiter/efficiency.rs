//! How many leased tokens come with a round trip, and what one costs.

use std::time::Duration;

use anyhow::Result;
use steadfast_rig::Server;

use super::node::{Task, Way};
use super::run::{Know, start};
use super::windows::merged;
use crate::report::Report;
use crate::times::ms;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let task = Task {
        max: 10_000,
        burst: Some(2_000),
        lease: Some(100),
        way: Way::Pace(2_000), // 80 % of the limit, by four of them
        ..Task::at(&server.url())
    };
    for (what, way) in [("at 80 % load", task.way), ("hammered", Way::Hammer)] {
        let task = Task {
            way,
            ..task.clone()
        };
        let monitor = server.monitor();
        let told = start(4, &task, Duration::from_secs(4), Know::Nothing)?.end()?;
        let asked = monitor
            .seen()
            .iter()
            .filter(|seen| is_take(&seen.text))
            .count();
        let taken = merged(&told).len();
        let each = taken as f64 / asked.max(1) as f64;
        report.holds(
            &format!("tokens a round trip, {what}"),
            "≥ 50",
            format!("{each:.0} ({taken} in {asked})"),
            each >= 50.0,
        );
        let (p50, p99, _) = told[0].held;
        report.holds(
            &format!("a token or a refusal, {what}"),
            "told",
            format!(
                "p50 {p50} ns, p99 {:.3} ms, two clock readings included",
                ms(p99)
            ),
            true,
        );
    }
    Ok(())
}

/// Requests for tokens have eight arguments or more after the key; those that give back have four.
fn is_take(text: &str) -> bool {
    text.contains(":rl:drill:")
        && text.to_uppercase().contains("EVAL")
        && text.matches("\" \"").count() >= 9
}
