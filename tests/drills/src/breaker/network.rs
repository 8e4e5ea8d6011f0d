//! Faults between one process and Redis.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use steadfast_rig::{Proxy, Server, wait_for};

use super::store;
use crate::fleet::{Fleet, Node};
use crate::node::{Place, Start};
use crate::report::Report;
use crate::times::{Control, Times, now};

const ROUNDS: usize = 10;
/// A connection that lasted less came to nothing, and the next ones come slower.
const LASTED: Duration = Duration::from_millis(1_100);

pub(super) fn run(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let proxy = Proxy::to(server.addr());
    let mut start = Start::at(Place::Server(server.url_at(proxy.addr())));
    start.failures = 1_000;
    let mut fleet = Fleet::start(1, &start)?;
    let node = &mut fleet.nodes[0];
    let mut told = 0;

    let (control, mut times) = (Control::begin(), Times::default());
    for _ in 0..ROUNDS {
        ensure!(joins(node)?, "it did not join again");
        sleep(LASTED);
        proxy.black_hole();
        let from = now();
        node.fail(1)?;
        told += 1;
        ensure!(
            store::has_counted(&server, told),
            "the failure did not arrive"
        );
        times.add(now() - from);
    }
    report.worst(
        "old connection dead: failure to counted",
        Duration::from_millis(500),
        &times,
        &control.end(),
    );
    report.is("counted", told, settled(&server));

    for round in 0..ROUNDS {
        ensure!(joins(node)?, "it did not join again");
        proxy.drop_replies();
        node.fail(5)?;
        sleep(Duration::from_millis(60 * (round as u64 % 5)));
        proxy.heal();
        node.fail(1)?;
        told += 6;
        ensure!(
            wait_for(Duration::from_secs(5), || store::failures(&server) >= told),
            "lost"
        );
    }
    report.is("replies lost: counted", told, settled(&server));

    for _ in 0..3 {
        ensure!(joins(node)?, "it did not join again");
        proxy.delay(Duration::ZERO, Duration::from_millis(500));
        node.fail(5)?;
        sleep(Duration::from_millis(700));
        proxy.heal();
        node.fail(1)?;
        told += 6;
        ensure!(
            wait_for(Duration::from_secs(5), || store::failures(&server) >= told),
            "lost"
        );
    }
    report.is("replies 500 ms late: counted", told, settled(&server));

    ensure!(joins(node)?, "it did not join again");
    proxy.refuse();
    let noticed = node.until(Duration::from_secs(5), |shown| shown.degraded)?;
    ensure!(noticed, "it did not notice");
    node.fail(7)?;
    told += 7;
    proxy.heal();
    let joined = joins(node)?;
    report.holds("refused, then healed", "joins", joined, joined);
    ensure!(
        wait_for(Duration::from_secs(5), || store::failures(&server) >= told),
        "lost"
    );
    report.is("counted in the end", told, settled(&server));
    Ok(())
}

/// What is counted once whatever may be sent again has been.
fn settled(server: &Server) -> i64 {
    sleep(Duration::from_millis(700));
    store::failures(server)
}

fn joins(node: &mut Node) -> Result<bool> {
    node.until(Duration::from_secs(10), |shown| !shown.degraded)
}
