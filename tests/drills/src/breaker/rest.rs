//! What a closed breaker sends while calls succeed.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use steadfast_rig::Server;

use crate::fleet::{Fleet, done};
use crate::node::{On, Order, Place, Start};
use crate::report::Report;

const NODES: usize = 2;
const SECONDS: u32 = 10;
/// A million calls in all, of each node.
const CALLS: u32 = 100_000;

pub(super) fn run(report: &mut Report) -> Result<()> {
    for (rule, rate) in [
        ("a count of failures", None),
        ("a rate, which needs successes too", Some(0.5)),
    ] {
        let server = Server::start();
        let mut start = Start::at(Place::Server(server.url()));
        start.failure_rate = rate;
        let mut fleet = Fleet::start(NODES, &start)?;
        sleep(Duration::from_secs(1)); // joining is no rest
        let monitor = server.monitor();
        let began = Instant::now();
        let mut admitted = 0;
        for second in 1..=SECONDS {
            for answered in fleet.ask(&Order::Succeed(CALLS, On::Drill))? {
                admitted += done(answered)?.admitted;
            }
            sleep(Duration::from_secs(second.into()).saturating_sub(began.elapsed()));
        }
        let seen = monitor.take();
        let each = seen.len() as f64 / began.elapsed().as_secs_f64() / NODES as f64;
        let mut names = BTreeMap::<String, usize>::new();
        for command in &seen {
            *names.entry(command.name()).or_default() += 1;
        }
        let calls = u64::from(CALLS * SECONDS) * NODES as u64;
        report.is(&format!("successes under {rule}"), calls, admitted);
        let measured = format!("{each:.1}: {names:?}");
        report.holds(
            "commands a second of each instance",
            "≤ 15",
            measured,
            each <= 15.0,
        );
    }
    Ok(())
}
