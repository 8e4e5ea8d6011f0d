//! A Redis that is there and refuses.

use std::time::Duration;

use anyhow::{Result, ensure};
use steadfast_rig::{Reply, Server};

use super::store;
use crate::fleet::Fleet;
use crate::node::{Place, Start};
use crate::report::Report;

const SOON: Duration = Duration::from_secs(3);

pub(super) fn run(report: &mut Report) -> Result<()> {
    let elsewhere = Server::start();
    let port = elsewhere.port().to_string();
    refuses(
        report,
        "REPLICAOF another (READONLY)",
        &|server| ok(server, &["REPLICAOF", "127.0.0.1", &port]),
        &|server| ok(server, &["REPLICAOF", "NO", "ONE"]),
    )?;
    refuses(
        report,
        "maxmemory 1 (OOM)",
        &|server| ok(server, &["CONFIG", "SET", "maxmemory", "1"]),
        &|server| ok(server, &["CONFIG", "SET", "maxmemory", "0"]),
    )?;
    refuses(
        report,
        "requirepass, clients dropped (NOAUTH)",
        &|server| {
            ok(server, &["CONFIG", "SET", "requirepass", "new"])?;
            let mut client = server.client()?;
            client.command(&["AUTH", "new"])?;
            client.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"])?;
            client.command(&["CLIENT", "KILL", "TYPE", "pubsub"])?;
            Ok(())
        },
        &|server| {
            let mut client = server.client()?;
            client.command(&["AUTH", "new"])?;
            client.command(&["CONFIG", "SET", "requirepass", ""])?;
            Ok(())
        },
    )?;
    wrong_type(report)
}

fn ok(server: &Server, words: &[&str]) -> Result<()> {
    let reply = server.command(words);
    ensure!(reply.error().is_none(), "{words:?}: {reply}");
    Ok(())
}

type Act<'a> = &'a dyn Fn(&Server) -> Result<()>;

/// While it refuses, each goes by its own counts; once it does not, all join again.
fn refuses(report: &mut Report, what: &str, begin: Act<'_>, end: Act<'_>) -> Result<()> {
    let server = Server::start();
    let mut fleet = Fleet::start(2, &Start::at(Place::Server(server.url())))?;
    begin(&server)?;
    for node in &mut fleet.nodes {
        node.fail(1)?; // a write shows it at once
    }
    let local = fleet.settles(SOON, |shown| shown.degraded)?;
    report.holds(&format!("{what}: all"), "degraded", local, local);
    fleet.nodes[0].fail(39)?;
    let states = format!(
        "{} {}",
        fleet.nodes[0].show()?.state,
        fleet.nodes[1].show()?.state
    );
    report.is(
        &format!("{what}: 40 failures of one"),
        "open closed".to_owned(),
        states,
    );
    end(&server)?;
    let joined = fleet.settles(Duration::from_secs(10), |shown| !shown.degraded)?;
    report.holds(&format!("{what}: when it ends"), "all join", joined, joined);
    fleet.reset()?;
    fleet.nodes[1].fail(40)?;
    let open = fleet.settles(SOON, |shown| shown.state == "open")?;
    report.holds(
        &format!("{what}: 40 failures then"),
        "open in all",
        fleet.states()?,
        open,
    );
    Ok(())
}

/// A key of ours that somebody made a list of: that breaker is local, the other is not, the key stays.
fn wrong_type(report: &mut Report) -> Result<()> {
    let server = Server::start();
    let mut start = Start::at(Place::Server(server.url()));
    start.counter = true;
    let mut fleet = Fleet::start(2, &start)?;
    let key = store::state_key("drill");
    server.command(&["DEL", &key]);
    ok(&server, &["RPUSH", &key, "theirs"])?;
    fleet.nodes[0].fail(40)?;
    let local = fleet.settles(SOON, |shown| shown.degraded)?;
    report.holds("RPUSH on our key: that breaker", "degraded", local, local);
    let states = format!(
        "{} {}",
        fleet.nodes[0].show()?.state,
        fleet.nodes[1].show()?.state
    );
    report.is(
        "RPUSH: 40 failures of one",
        "open closed".to_owned(),
        states,
    );
    let failed = super::scripts::fail_for(&mut fleet, 10)?;
    let counted = steadfast_rig::wait_for(SOON, || store::counted(&server) == failed);
    report.holds("RPUSH: another breaker", "is shared", counted, counted);
    let kept = server.command(&["LRANGE", &key, "0", "-1"]);
    report.is(
        "RPUSH: the key",
        Reply::Array(vec![Reply::Text("theirs".to_owned())]),
        kept,
    );
    server.command(&["DEL", &key]);
    let joined = fleet.settles(Duration::from_secs(10), |shown| !shown.degraded)?;
    report.holds("RPUSH: when the key is gone", "all join", joined, joined);
    Ok(())
}
