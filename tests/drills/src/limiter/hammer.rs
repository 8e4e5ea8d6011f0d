//! Four processes take all they can, strict, in a sliding window, and leased.

use std::time::Duration;

use anyhow::Result;
use steadfast_rig::Server;

use super::node::Task;
use super::run::{Know, start};
use super::windows::{excess, merged, most_in};
use crate::report::Report;

const TIME: Duration = Duration::from_secs(60);

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let url = server.url();
    strict(report, &Task::at(&url))?;
    server.command(&["FLUSHALL"]);
    sliding(
        report,
        &Task {
            sliding: true,
            ..Task::at(&url)
        },
    )?;
    server.command(&["FLUSHALL"]);
    let leased = Task {
        burst: Some(1_000),
        lease: Some(100),
        ..Task::at(&url)
    };
    leased_tokens(report, &leased)
}

fn used(taken: &[u64], burst: f64) -> f64 {
    // What the limit allows in the time in which tokens were taken.
    let time = taken.last().copied().unwrap_or(0) as f64 / 1e6;
    taken.len() as f64 / (burst + 1_000.0 * time) * 100.0
}

fn strict(report: &mut Report, task: &Task) -> Result<()> {
    let told = start(4, task, TIME, Know::Nothing)?.end()?;
    let taken = merged(&told);
    // A token is granted before it is seen: an answer that took long makes a window look shorter.
    let late = told.iter().map(|told| told.held.2).max().unwrap_or(0) as f64 / 1e9;
    let excess = excess(&taken, 1_000.0, 1_000.0);
    report.holds(
        "strict, every window",
        "excess ≤ what flows in while an answer is on its way",
        format!(
            "{excess:.1} of {} tokens; longest answer {:.1} ms",
            taken.len(),
            late * 1e3
        ),
        excess <= late * 1_000.0 + 1e-6,
    );
    share(report, "strict", used(&taken, 1_000.0));
    Ok(())
}

fn sliding(report: &mut Report, task: &Task) -> Result<()> {
    let told = start(4, task, TIME, Know::Nothing)?.end()?;
    let taken = merged(&told);
    let late = told.iter().map(|told| told.held.2).max().unwrap_or(0);
    // By as much as an answer may be late, a window looks shorter.
    let window = 1_000_000 - (late / 1_000).min(900_000);
    let most = most_in(&taken, window);
    report.holds(
        "sliding window, every window",
        "≤ 1000",
        format!(
            "{most}, in windows shorter by the longest answer ({:.1} ms)",
            late as f64 / 1e6
        ),
        most <= 1_000,
    );
    share(report, "sliding window", used(&taken, 0.0));
    Ok(())
}

fn leased_tokens(report: &mut Report, task: &Task) -> Result<()> {
    let told = start(4, task, TIME, Know::Nothing)?.end()?;
    let taken = merged(&told);
    let excess = excess(&taken, 1_000.0, 1_000.0);
    report.holds(
        "leased, every window",
        "excess ≤ 0",
        format!("{excess:.1} of {} tokens", taken.len()),
        excess <= 0.0,
    );
    share(report, "leased", used(&taken, 1_000.0));
    Ok(())
}

fn share(report: &mut Report, what: &str, used: f64) {
    let measured = format!("{used:.1} %");
    report.holds(
        &format!("{what}, of the limit used"),
        "≥ 98 %",
        measured,
        used >= 98.0,
    );
}
