//! A million keys: what they take in Redis and in the processes, and whether each ends.

use std::time::Duration;

use anyhow::Result;
use steadfast_rig::Server;

use super::node::{Task, Way};
use super::run::{Know, start};
use crate::report::Report;

const KEYS: u32 = 1_000_000;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    // So few a day that none of the keys ends while others are counted.
    let task = Task {
        max: 200,
        per: 86_400_000,
        way: Way::Keys(0, KEYS),
        ..Task::at(&server.url())
    };
    let before = used_memory(&server);
    let told = start(4, &task, Duration::from_secs(1), Know::Nothing)?.end()?;
    let taken: usize = told.iter().map(|told| told.taken.len()).sum();
    report.is("tokens, one of each key", KEYS as usize, taken);
    let (kept, ending) = keys(&server);
    let each = (used_memory(&server) - before) / kept.max(1);
    report.holds(
        "memory of a key in Redis",
        "≤ 250 bytes",
        format!("{each} bytes, of {kept} keys"),
        kept > 0 && each <= 250,
    );
    // The instance's own mark is among them.
    report.holds(
        "keys that end by themselves",
        "all",
        format!("{ending} of {kept}"),
        ending + 1 >= kept,
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
    Ok(())
}

/// How many there are, and how many of them have an end.
fn keys(server: &Server) -> (i64, i64) {
    let info = server.command(&["INFO", "keyspace"]).text();
    let number = |name: &str| {
        let after = info.split(name).nth(1);
        let digits = after.map(|text| {
            text.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
        });
        digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
    };
    (number("keys="), number("expires="))
}

fn used_memory(server: &Server) -> i64 {
    let info = server.command(&["INFO", "memory"]).text();
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    line.and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}
