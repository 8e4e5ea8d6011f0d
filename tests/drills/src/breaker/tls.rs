//! Encrypted connections.

use std::time::Duration;

use anyhow::{Result, ensure};
use steadfast_rig::{Authority, Server};

use crate::fleet::{Fleet, Node};
use crate::node::{Place, Start};
use crate::report::Report;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let (own, other) = (Authority::new(), Authority::new());
    let server = Server::options().tls(&own).password("s3cret").start();
    let with = |authority: Option<&Authority>| {
        let mut start = Start::at(Place::Server(server.url()));
        start.ca_file = authority.map(Authority::ca_file);
        start
    };
    // A node chooses no provider of encryption: the library must bring one, or it would panic.
    let mut fleet = Fleet::start(2, &with(Some(&own)))?;
    fleet.nodes[0].fail(40)?;
    let open = fleet.settles(Duration::from_secs(2), |shown| shown.state == "open")?;
    report.holds(
        "own authority, no provider chosen",
        "open in all",
        fleet.states()?,
        open,
    );

    for (what, authority) in [
        ("another authority", Some(&other)),
        ("the system's authorities", None),
    ] {
        let error = refused(&with(authority))?;
        ensure!(!error.contains("s3cret"), "the password is in {error:?}");
        let typed = error.contains("certificate") || error.contains("UnknownIssuer");
        report.holds(what, "an error of the setup", error, typed);
    }

    let mutual = Server::options().mutual_tls(&own).start();
    let mut start = Start::at(Place::Server(mutual.url()));
    start.ca_file = Some(own.ca_file());
    let me = own.identity("node");
    start.identity = Some((me.cert, me.key));
    let mut fleet = Fleet::start(2, &start)?;
    fleet.nodes[0].fail(40)?;
    let open = fleet.settles(Duration::from_secs(2), |shown| shown.state == "open")?;
    report.holds(
        "with a client's certificate",
        "open in all",
        fleet.states()?,
        open,
    );
    Ok(())
}

/// On a busy machine a handshake may outlast what a start waits for, and then Redis counts as out of
/// reach, which is no error: another start shows.
fn refused(start: &Start) -> Result<String> {
    let mut tries = (0..5).map(|_| Node::refused(start));
    let first = tries.find(Result::is_ok);
    first.unwrap_or_else(|| Node::refused(start))
}
