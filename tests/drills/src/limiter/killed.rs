//! Redis is killed while four processes take tokens: nobody waits for it.

use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use steadfast_rig::Server;

use super::node::{Task, Way};
use super::run::{Know, start};
use crate::report::Report;
use crate::times::{Control, Times};

pub(super) fn run(report: &mut Report) -> Result<()> {
    for (what, lease) in [("strict", None), ("leased", Some(100))] {
        let mut server = Server::start();
        let task = Task {
            lease,
            way: Way::Pace(150),
            probe: 1_000,
            ..Task::at(&server.url())
        };
        let control = Control::begin();
        let takers = start(4, &task, Duration::from_secs(8), Know::EachOther)?;
        sleep(Duration::from_secs(2));
        server.kill();
        sleep(Duration::from_secs(3));
        server.restart();
        let told = takers.end()?;
        let control = control.end();
        let (mut p99, mut longest) = (Times::default(), Times::default());
        for told in &told {
            p99.add(told.held.1);
            longest.add(told.held.2);
        }
        report.worst(
            &format!("{what}: p99 of an answer in each process"),
            Duration::from_millis(5),
            &p99,
            &control,
        );
        report.worst(
            &format!("{what}: the longest answer in each process"),
            Duration::from_millis(100),
            &longest,
            &control,
        );
        let refused: u64 = told.iter().map(|told| told.refused).sum();
        let calls: usize = told.iter().map(|told| told.taken.len()).sum();
        // What was spent without Redis is paid at once when it is back: the bucket may be empty for a moment.
        report.holds(
            &format!("{what}: refused at 60 % of the limit"),
            "≤ 1 %",
            format!("{refused} of {}", refused + calls as u64),
            refused * 100 <= refused + calls as u64,
        );
    }
    Ok(())
}
