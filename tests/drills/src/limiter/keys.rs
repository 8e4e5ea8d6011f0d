//! A million keys: what they take in Redis and in the processes, and that each ends.

use std::time::Duration;

use anyhow::Result;
use steadfast_rig::Server;

use super::node::{Task, Way};
use super::run::{Know, start};
use crate::report::Report;

const KEYS: u32 = 1_000_000;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    // 200 an hour, for each user.
    let task = Task {
        max: 200,
        per: 3_600_000,
        way: Way::Keys(0, KEYS),
        ..Task::at(&server.url())
    };
    let before = used_memory(&server);
    let told = start(4, &task, Duration::from_secs(1), Know::Nothing)?.end()?;
    let taken: usize = told.iter().map(|told| told.taken.len()).sum();
    report.is("tokens, one of each key", KEYS as usize, taken);
    // One token of 200 an hour is back after 18 s, and its key gone a second later: some have gone by now.
    let kept = server.command(&["DBSIZE"]).int().unwrap_or(0);
    let after = used_memory(&server);
    report.holds(
        "memory of a key in Redis",
        "≤ 250 bytes",
        format!("{} bytes, of {kept} keys", (after - before) / kept.max(1)),
        kept > 0 && (after - before) / kept.max(1) <= 250,
    );
    for told in &told {
        let grown = told.memory.1.saturating_sub(told.memory.0);
        report.holds(
            "a process",
            "at most 10,000 keys",
            format!("{} keys, {grown} KB more", told.keys),
            told.keys <= 10_000,
        );
    }
    let ends = steadfast_rig::wait_for(Duration::from_secs(120), || {
        let keys = server.command(&["KEYS", "*:rl:*"]);
        keys.items().is_empty()
    });
    report.holds(
        "every key ends",
        "by itself",
        if ends { "yes" } else { "no" },
        ends,
    );
    Ok(())
}

fn used_memory(server: &Server) -> i64 {
    let info = server.command(&["INFO", "memory"]).text();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    line.and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}
