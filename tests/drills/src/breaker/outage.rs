//! Redis dies, or hangs, while calls are made.

use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use steadfast_rig::Server;

use crate::fleet::{Fleet, done};
use crate::node::{Done, Order, Place, Start};
use crate::report::Report;
use crate::times::{Control, Times, ms, now};

/// Two threads in each process, a call a millisecond.
const LOAD: Order = Order::Load(2, 1_000, 0.0);

pub(super) fn killed(report: &mut Report) -> Result<()> {
    let mut server = Server::start();
    let mut fleet = Fleet::start(4, &Start::at(Place::Server(server.url())))?;
    fleet.ask(&LOAD)?;
    let idle = Control::begin();
    sleep(Duration::from_secs(2));
    let before = longest(&fleet.ask(&Order::Loaded)?)?;
    let idle_before = idle.end();

    fleet.forget_events()?;
    let control = Control::begin();
    let killed = now();
    server.kill();
    sleep(Duration::from_secs(2));
    let during = longest(&fleet.ask(&Order::Unload)?)?;
    let control = control.end();
    let over = during.max().saturating_sub(before.max());
    let mut worst = Times::default();
    worst.add(over);
    report.worst(
        "longest hold of a call, over that before",
        Duration::from_millis(5),
        &worst,
        &control,
    );
    println!(
        "        before: {:.2} ms, idle {:.2} ms",
        ms(before.max()),
        ms(idle_before.max())
    );

    let mut local = Times::default();
    for node in &mut fleet.nodes {
        let events = node.events()?;
        let lost = events
            .iter()
            .find(|event| event.target == "steadfast::redis");
        local.extend(lost.map(|event| event.at.saturating_sub(killed)));
    }
    report.is("nodes that say so", 4, local.count());
    report.worst(
        "killed to local",
        Duration::from_millis(200),
        &local,
        &control,
    );
    ensure!(
        fleet.settles(Duration::ZERO, |shown| shown.degraded)?,
        "not degraded"
    );
    fleet.nodes[0].fail(40)?;
    report.is(
        "40 failures of one: itself",
        "open".to_owned(),
        fleet.nodes[0].show()?.state,
    );
    report.is(
        "and another",
        "closed".to_owned(),
        fleet.nodes[1].show()?.state,
    );

    server.restart();
    let joined = fleet.settles(Duration::from_secs(10), |shown| !shown.degraded)?;
    report.holds(
        "when Redis is back",
        "all join",
        format!("{joined}"),
        joined,
    );
    let told = fleet.settles(Duration::from_secs(3), |shown| shown.state == "open")?;
    report.holds(
        "failures that were not told",
        "follow: open in all",
        fleet.states()?,
        told,
    );
    Ok(())
}

pub(super) fn hung(report: &mut Report) -> Result<()> {
    let mut server = Server::start();
    let mut fleet = Fleet::start(4, &Start::at(Place::Server(server.url())))?;
    fleet.ask(&Order::Load(2, 1_000, 0.0005))?; // a failure now and then, which is told
    sleep(Duration::from_secs(1));
    fleet.ask(&Order::Loaded)?;
    let mut hang =
        |what: &str, fleet: &mut Fleet, hang: &mut dyn FnMut(&mut Server)| -> Result<()> {
            let control = Control::begin();
            hang(&mut server);
            let held = longest(&fleet.ask(&Order::Loaded)?)?;
            report.worst(
                &format!("{what}: longest hold of a call"),
                Duration::from_millis(1),
                &held,
                &control.end(),
            );
            let joined = fleet.settles(Duration::from_secs(5), |shown| !shown.degraded)?;
            report.holds(&format!("{what}: after it"), "all join", joined, joined);
            Ok(())
        };
    hang("SIGSTOP 10 s", &mut fleet, &mut |server| {
        server.pause();
        sleep(Duration::from_secs(10));
        server.resume();
        sleep(Duration::from_millis(500));
    })?;
    hang("DEBUG SLEEP 0.5", &mut fleet, &mut |server| {
        server.command(&["DEBUG", "SLEEP", "0.5"]);
        sleep(Duration::from_millis(500));
    })?;
    hang("CLIENT PAUSE 1 s", &mut fleet, &mut |server| {
        server.command(&["CLIENT", "PAUSE", "1000", "ALL"]);
        sleep(Duration::from_millis(1_500));
    })?;
    fleet.ask(&Order::Unload)?;
    Ok(())
}

/// The longest hold of a call in each node.
fn longest(answers: &[crate::node::Answered]) -> Result<Times> {
    let mut times = Times::default();
    for answered in answers {
        let Done { held, .. } = done(answered.clone())?;
        times.add(held.2);
    }
    Ok(times)
}
