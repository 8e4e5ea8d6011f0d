//! The servers are real, do what they are told, and end.

#![cfg(unix)]

use std::panic::catch_unwind;
use std::time::{Duration, Instant};

use steadfast_rig::{Cluster, Reply, Sentinels, Server, StartError, wait_for};

const SOON: Duration = Duration::from_secs(10);

fn text(text: &str) -> Reply {
    Reply::Text(text.to_owned())
}

#[test]
fn a_server_is_a_process_of_its_own_that_forgets_when_it_is_killed() {
    let mut server = Server::start();
    let info = server.command(&["INFO", "server"]).text();
    assert!(
        info.contains(&format!("process_id:{}\r", server.id())),
        "{info}"
    );
    assert!(
        info.contains(&format!("tcp_port:{}\r", server.port())),
        "{info}"
    );
    server.command(&["SET", "key", "value"]);
    let port = server.port();
    server.restart();
    assert_eq!(server.port(), port);
    assert_eq!(server.command(&["GET", "key"]), Reply::Nil);
}

#[test]
fn an_appendonly_server_remembers() {
    let mut server = Server::options().appendonly().start();
    server.command(&["SET", "key", "value"]);
    server.restart();
    assert_eq!(server.command(&["GET", "key"]), text("value"));
}

#[test]
fn a_paused_server_answers_when_it_goes_on() {
    let mut server = Server::start();
    let mut client = server.client().unwrap();
    server.pause();
    let began = Instant::now();
    std::thread::scope(|scope| {
        let answer = scope.spawn(|| client.command(&["PING"]).unwrap());
        std::thread::sleep(Duration::from_millis(200));
        server.resume();
        assert_eq!(answer.join().unwrap(), text("PONG"));
    });
    assert!(began.elapsed() >= Duration::from_millis(200));
}

#[test]
fn a_server_ends_when_the_test_that_holds_it_panics() {
    let panicked = catch_unwind(|| {
        let server = Server::start();
        std::panic::panic_any(server.addr());
    });
    let addr = *panicked
        .unwrap_err()
        .downcast::<std::net::SocketAddr>()
        .unwrap();
    assert!(std::net::TcpStream::connect(addr).is_err());
}

#[test]
fn what_is_wrong_with_a_server_that_does_not_start_is_told() {
    let error = Server::options().set("no-such-thing", "1").try_start();
    let Err(StartError::Silent(log)) = error else {
        panic!("{error:?}");
    };
    assert!(log.contains("no-such-thing"), "{log}");
}

#[test]
fn a_password_is_asked_for_and_memory_is_bounded() {
    let server = Server::options().password("secret").maxmemory("1").start();
    assert_eq!(server.url(), format!("redis://:secret@{}/", server.addr()));
    let refused = server.command(&["SET", "key", "value"]);
    assert!(refused.error().unwrap().starts_with("OOM"), "{refused}");
}

#[test]
fn a_replica_follows() {
    let primary = Server::start();
    let replica = Server::options().replica_of(&primary).start();
    primary.command(&["SET", "key", "value"]);
    let follows = || replica.command(&["GET", "key"]) == text("value");
    assert!(wait_for(SOON, follows), "{}", replica.log());
}

#[test]
fn a_movable_clock_jumps() {
    let server = match Server::options().movable_clock().try_start() {
        Err(error @ StartError::NoFaketime) => return eprintln!("skipped: {error}"),
        server => server.unwrap(),
    };
    let now = || server.command(&["TIME"]).items()[0].int().unwrap();
    let before = now();
    server.shift_clock(3600);
    assert!(
        (3595..3700).contains(&(now() - before)),
        "{before} {}",
        now()
    );
    server.shift_clock(-3600);
    assert!(
        (-3605..-3500).contains(&(now() - before)),
        "{before} {}",
        now()
    );
}

#[test]
fn the_monitor_sees_what_others_send_and_not_what_scripts_do() {
    let server = Server::start();
    let monitor = server.monitor();
    let cli = |args: &[&str]| {
        let mut command = std::process::Command::new("redis-cli");
        let port = server.port().to_string();
        assert!(
            command
                .args(["-p", &port])
                .args(args)
                .output()
                .unwrap()
                .status
                .success()
        );
    };
    cli(&["EVAL", "return redis.call('incr', 'n')", "0"]);
    cli(&["GET", "n"]);
    server.command(&["GET", "n"]);
    let seen_both = || monitor.seen().iter().any(|seen| seen.name() == "GET");
    assert!(wait_for(SOON, seen_both));
    let names: Vec<_> = monitor
        .take()
        .iter()
        .map(steadfast_rig::Seen::name)
        .collect();
    assert_eq!(names, ["EVAL", "GET"]);
    assert_eq!(monitor.count(), 0);
}

#[test]
fn sentinels_put_the_replica_in_the_place_of_a_dead_primary() {
    let mut all = Sentinels::start(Duration::from_millis(500));
    assert_eq!((all.primary(), all.urls().len()), (0, 3));
    all.servers()[0].kill();
    let moved = || all.primary() == 1;
    assert!(wait_for(SOON, moved));
    let takes_writes = || all.servers()[1].command(&["SET", "a", "b"]) == text("OK");
    assert!(wait_for(SOON, takes_writes));
}

#[test]
fn a_cluster_moves_slots_and_keys() {
    let mut cluster = Cluster::start();
    let from = cluster.owner("{tag}:key");
    let to = (from + 1) % 3;
    assert_eq!(
        cluster.nodes()[from].command(&["SET", "{tag}:key", "v"]),
        text("OK")
    );
    cluster.move_key("{tag}:key", to);
    assert_eq!(cluster.owner("{tag}:key"), to);
    assert_eq!(
        cluster.nodes()[to].command(&["GET", "{tag}:key"]),
        text("v")
    );
    cluster.reshard(from, to, 20);
    let slots = cluster.nodes()[to].command(&["CLUSTER", "NODES"]).text();
    assert_eq!(slots.lines().count(), 3, "{slots}");
}

#[cfg(feature = "tls")]
#[test]
fn a_server_with_tls_shows_a_certificate_of_its_authority() {
    use steadfast_rig::Authority;
    let (own, other) = (Authority::new(), Authority::new());
    let server = Server::options().mutual_tls(&own).start();
    assert!(server.url().starts_with("rediss://"), "{}", server.url());
    let me = own.identity("me");
    let ping = |ca: &Authority| {
        let mut command = std::process::Command::new("redis-cli");
        command.args(["-p", &server.port().to_string(), "--tls", "--cacert"]);
        command.arg(ca.ca_file()).arg("--cert").arg(&me.cert);
        command.arg("--key").arg(&me.key).arg("PING");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(ping(&own).trim(), "PONG");
    assert_eq!(ping(&other), "");
}
