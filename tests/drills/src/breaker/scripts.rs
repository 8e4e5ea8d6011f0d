//! Redis forgets its scripts, again and again, while failures are told.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::Result;
use steadfast_rig::{Server, wait_for};

use super::store;
use crate::fleet::{Fleet, done};
use crate::node::{On, Order, Place, Start};
use crate::report::Report;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let mut start = Start::at(Place::Server(server.url()));
    start.counter = true;
    let mut fleet = Fleet::start(4, &start)?;
    fleet.forget_events()?;
    let over = AtomicBool::new(false);
    let failed = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                server.command(&["SCRIPT", "FLUSH"]);
                sleep(Duration::from_millis(100));
            }
        });
        let failed = fail_for(&mut fleet, 500);
        over.store(true, Ordering::Relaxed);
        failed
    })?;
    let counted = || store::counted(&server) == failed;
    let all = wait_for(Duration::from_secs(5), counted);
    let measured = store::counted(&server);
    report.holds("failures counted", &failed.to_string(), measured, all);
    let mut errors = Vec::new();
    for node in &mut fleet.nodes {
        errors.extend(node.events()?.into_iter().map(|event| event.message));
    }
    report.holds(
        "errors",
        "0",
        format!("{} {errors:?}", errors.len()),
        errors.is_empty(),
    );
    fleet.nodes[0].fail(40)?;
    let open = fleet.settles(Duration::from_secs(2), |shown| shown.state == "open")?;
    report.holds("40 failures then", "open in all", fleet.states()?, open);
    Ok(())
}

/// Failures in all nodes, some every 10 ms; how many.
pub(super) fn fail_for(fleet: &mut Fleet, rounds: u32) -> Result<i64> {
    let mut failed = 0;
    for _ in 0..rounds {
        for answered in fleet.ask(&Order::Fail(3, On::Counter))? {
            failed += i64::try_from(done(answered)?.admitted)?;
        }
        sleep(Duration::from_millis(10));
    }
    Ok(failed)
}
