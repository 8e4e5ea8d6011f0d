//! The network between a program and a server has the faults that were ordered, and no others.

#![cfg(unix)]

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use steadfast_rig::{Proxy, Server, wait_for};

const SOON: Duration = Duration::from_secs(10);
/// Long for loopback; what is lost is not there after it.
const LONG: Duration = Duration::from_millis(300);

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.addr()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Adds one to a counter on the server, and gives what it answers.
fn incr(mut stream: &TcpStream) -> io::Result<String> {
    stream.write_all(b"INCR n\r\n")?;
    let mut buffer = [0; 64];
    let read = stream.read(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..read]).trim().to_owned())
}

fn lost(result: &io::Result<String>) -> bool {
    let kind = result.as_ref().err().map(io::Error::kind);
    matches!(kind, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

fn counted(server: &Server) -> i64 {
    server.command(&["GET", "n"]).int().unwrap_or(0)
}

#[test]
fn without_a_fault_everything_passes() {
    let server = Server::start();
    let proxy = Proxy::to(server.addr());
    let client = connect(&proxy);
    assert_eq!(incr(&client).unwrap(), ":1");
    assert_eq!(incr(&client).unwrap(), ":2");
    assert_eq!(proxy.connections(), 1);
}

#[test]
fn replies_and_requests_are_late_by_what_was_ordered() {
    let server = Server::start();
    let proxy = Proxy::to(server.addr());
    let client = connect(&proxy);
    proxy.delay(Duration::from_millis(60), Duration::from_millis(90));
    let began = Instant::now();
    assert_eq!(incr(&client).unwrap(), ":1");
    assert!(began.elapsed() >= Duration::from_millis(150));
    proxy.heal();
    assert_eq!(incr(&client).unwrap(), ":2");
}

#[test]
fn a_black_hole_swallows_old_connections_for_good_and_no_new_ones() {
    let server = Server::start();
    let proxy = Proxy::to(server.addr());
    let old = connect(&proxy);
    assert_eq!(incr(&old).unwrap(), ":1");
    proxy.black_hole();
    assert!(lost(&incr(&old)));
    assert_eq!(incr(&connect(&proxy)).unwrap(), ":2");
    proxy.heal();
    assert!(lost(&incr(&old)));
    assert_eq!(counted(&server), 2);
}

#[test]
fn lost_replies_leave_their_effect_on_the_server() {
    let server = Server::start();
    let proxy = Proxy::to(server.addr());
    let client = connect(&proxy);
    proxy.drop_replies();
    assert!(lost(&incr(&client)));
    assert_eq!(counted(&server), 1);
    proxy.heal();
    assert!(!lost(&incr(&client)), "it was to be cut");
    assert_eq!(incr(&connect(&proxy)).unwrap(), ":2");
}

#[test]
fn a_hanging_network_takes_connections_and_says_nothing() {
    let server = Server::start();
    let proxy = Proxy::to(server.addr());
    let old = connect(&proxy);
    proxy.hang();
    let new = connect(&proxy);
    assert!(lost(&incr(&old)) && lost(&incr(&new)));
    proxy.heal();
    assert!(lost(&incr(&new)));
    assert_eq!(incr(&connect(&proxy)).unwrap(), ":1");
}

/// Whether the other side has ended the connection. Nothing is sent, which the server could still get.
fn has_ended(mut client: &TcpStream) -> bool {
    match client.read(&mut [0]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn a_cut_ends_what_is_there_and_refusal_what_comes() {
    let server = Server::start();
    let proxy = Proxy::to(server.addr());
    let client = connect(&proxy);
    assert_eq!(incr(&client).unwrap(), ":1");
    proxy.cut();
    assert!(has_ended(&client));
    let client = connect(&proxy);
    assert_eq!(incr(&client).unwrap(), ":2");
    proxy.refuse();
    assert!(wait_for(SOON, || TcpStream::connect(proxy.addr()).is_err()));
    assert!(has_ended(&client));
    proxy.heal();
    assert!(wait_for(SOON, || TcpStream::connect(proxy.addr()).is_ok()));
    assert_eq!(incr(&connect(&proxy)).unwrap(), ":3");
}
