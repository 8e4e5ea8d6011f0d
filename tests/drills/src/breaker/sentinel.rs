//! The primary dies, or is replaced on purpose.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use steadfast_rig::{Sentinels, wait_for};

use crate::fleet::Fleet;
use crate::node::{Heard, On, Order, Place, Start};
use crate::report::Report;
use crate::times::{Control, Times, now};

const DOWN_AFTER: Duration = Duration::from_secs(1);
const GRANTED: Duration = Duration::from_millis(1_500);

pub(super) fn run(report: &mut Report) -> Result<()> {
    let mut all = Sentinels::start(DOWN_AFTER);
    let place = Place::Sentinels(all.name().to_owned(), all.urls());
    let mut start = Start::at(place);
    start.counter = true;
    let mut fleet = Fleet::start(3, &start)?;
    fleet.nodes[0].fail(40)?;
    fleet.expect("open")?;
    fleet.reset()?;

    let primary = all.primary();
    outage(report, "SIGKILL", &mut fleet, &mut all, |all| {
        all.servers()[primary].kill();
    })?;
    trips(report, &mut fleet, "SIGKILL")?;

    // The old primary comes back as a replica, or there is nobody to fail over to.
    let new = all.primary();
    let port = all.servers()[new].port().to_string();
    let old = &mut all.servers()[primary];
    old.restart();
    old.command(&["REPLICAOF", "127.0.0.1", &port]);
    let follows = wait_for(Duration::from_secs(30), || {
        let info = replication(&mut all, primary);
        info.contains("role:slave") && info.contains("master_link_status:up")
    });
    ensure!(follows, "the old primary does not follow the new one");
    sleep(DOWN_AFTER);
    outage(report, "FAILOVER", &mut fleet, &mut all, |all| {
        all.fail_over();
    })?;
    trips(report, &mut fleet, "FAILOVER")
}

/// How long each was without a primary.
fn outage(
    report: &mut Report,
    what: &str,
    fleet: &mut Fleet,
    all: &mut Sentinels,
    fault: impl FnOnce(&mut Sentinels),
) -> Result<()> {
    fleet.forget_events()?;
    let control = Control::begin();
    let (from, before) = (now(), all.primary());
    fault(all);
    let replaced = wait_for(Duration::from_secs(30), || {
        // Only a write shows that a server has become a replica.
        let _ = fleet.ask(&Order::Fail(1, On::Counter));
        let primary = all.primary();
        primary != before
            && replication(all, primary).contains("role:master")
            && !replication(all, before).contains("role:master")
    });
    ensure!(replaced, "{what}: nobody took the primary's place");
    fleet.ask(&Order::Fail(1, On::Counter))?;
    let joined = fleet.settles(Duration::from_secs(30), |shown| !shown.degraded)?;
    report.holds(&format!("{what}: after it"), "all join", joined, joined);
    let mut times = Times::default();
    for node in &mut fleet.nodes {
        times.add(away(&node.events()?, from));
    }
    let limit = DOWN_AFTER + GRANTED;
    report.worst(&format!("{what}: outage"), limit, &times, &control.end());
    Ok(())
}

/// What a server says of its part; nothing where it is dead.
fn replication(all: &mut Sentinels, server: usize) -> String {
    let client = all.servers()[server].client();
    let said = client.and_then(|mut client| client.command(&["INFO", "replication"]));
    said.map(|said| said.text()).unwrap_or_default()
}

/// From the first time that Redis was away until it was there for good.
fn away(events: &[Heard], from: u64) -> u64 {
    let said = |text: &'static str| {
        let events = events.iter();
        let of_redis = events.filter(move |event| {
            event.target == "steadfast::redis" && event.message.starts_with(text)
        });
        of_redis.map(|event| event.at)
    };
    match (said("redis is away").min(), said("redis is there").max()) {
        (Some(lost), Some(back)) => back.saturating_sub(lost.max(from)),
        _ => 0,
    }
}

fn trips(report: &mut Report, fleet: &mut Fleet, what: &str) -> Result<()> {
    fleet.reset()?;
    fleet.nodes[1].fail(40)?;
    let open = fleet.settles(Duration::from_secs(2), |shown| shown.state == "open")?;
    let what = format!("{what}: 40 failures then");
    report.holds(&what, "open in all", fleet.states()?, open);
    fleet.reset()
}
