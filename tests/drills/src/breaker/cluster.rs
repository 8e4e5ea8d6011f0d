//! Slots move from node to node, that of the breaker among them, while failures are told.

use std::thread::{self, sleep};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use steadfast_rig::{Cluster, Server, wait_for};

use super::{scripts, store};
use crate::fleet::Fleet;
use crate::node::{COUNTER, Place, Start};
use crate::report::Report;
use crate::times::{Control, Times};

const SLOTS: u32 = 3_000;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let mut cluster = Cluster::start();
    let mut start = Start::at(Place::Cluster(cluster.urls()));
    start.counter = true;
    let mut fleet = Fleet::start(4, &start)?;
    scripts::fail_for(&mut fleet, 20)?;
    fleet.forget_events()?;
    let before = counted(&mut cluster);

    let key = format!("{{drill:cb:{COUNTER}}}:w");
    let from = cluster.owner(&key);
    let moving = &cluster;
    let failed = thread::scope(|scope| {
        let moved = scope.spawn(|| {
            moving.move_key(&key, (from + 1) % 3);
            moving.reshard(from, (from + 1) % 3, SLOTS / 2);
            moving.move_key(&key, (from + 2) % 3);
            moving.reshard((from + 1) % 3, from, SLOTS / 2);
        });
        let mut failed = 0;
        while !moved.is_finished() {
            failed += scripts::fail_for(&mut fleet, 20)?;
        }
        failed += scripts::fail_for(&mut fleet, 50)?;
        moved.join().map_err(|_| anyhow!("resharding failed"))?;
        anyhow::Ok(failed)
    })?;

    let expected = before + failed;
    let all = wait_for(Duration::from_secs(5), || counted(&mut cluster) == expected);
    report.holds(
        "failures counted",
        &expected.to_string(),
        counted(&mut cluster),
        all,
    );
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
    report.holds(
        "the slot of the breaker",
        "moved",
        "twice",
        cluster.owner(&key) == (from + 2) % 3,
    );
    announced(report, &mut cluster, &mut fleet)
}

/// Instances hear of a transition from wherever the slot is now, and not only when they ask.
fn announced(report: &mut Report, cluster: &mut Cluster, fleet: &mut Fleet) -> Result<()> {
    let key = store::state_key("drill");
    let to = (cluster.owner(&key) + 1) % 3;
    cluster.move_key(&key, to);
    sleep(Duration::from_secs(2)); // they subscribe anew
    let (control, mut times) = (Control::begin(), Times::default());
    fleet.forget_events()?;
    let last = fleet.nodes[0].fail(40)?.last.0;
    fleet.expect("open")?;
    let open = fleet.last_to("open")?.context("no event")?;
    times.add(open.saturating_sub(last));
    report.worst(
        "its slot moved: 40th failure to open in all",
        Duration::from_millis(50),
        &times,
        &control.end(),
    );
    Ok(())
}

/// Whichever node has it now.
fn counted(cluster: &mut Cluster) -> i64 {
    let nodes = cluster.nodes().iter();
    nodes.map(|node: &Server| store::counted(node)).sum()
}
