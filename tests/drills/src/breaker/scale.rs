//! What a fleet costs Redis, from one instance to thirty-two: at rest, and while what it calls is down.
//!
//! With B breakers and N instances, an instance at rest sends in a second a PING, a fifth of a heartbeat,
//! and B reads every p = max(1 s, B × N / 10,000): 1.2 + B / p commands, in 1.2 + 1 / p round trips, since
//! the reads go together. While what a breaker guards is down, each end of its open time adds a request
//! for a lease of each instance that has calls, more where the probes take long, and of those that get
//! one, a result.

use std::collections::HashMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use steadfast_rig::{Seen, Server};

use crate::fleet::Fleet;
use crate::node::{Order, Place, Start};
use crate::report::Report;

const SIZES: [usize; 6] = [1, 2, 4, 8, 16, 32];
const BREAKERS: u32 = 20;
const TIME: Duration = Duration::from_secs(6);
/// Commands of one client that follow each other closer than this went together.
const TOGETHER: f64 = 0.003;

pub(super) fn run(report: &mut Report) -> Result<()> {
    for size in SIZES {
        let server = Server::start();
        let mut start = Start::at(Place::Server(server.url()));
        start.more = BREAKERS - 1;
        start.recovery_ms = 1_000;
        let mut fleet = Fleet::start(size, &start)?;
        sleep(Duration::from_secs(2)); // joining is no rest

        let rest = measure(&server, size);
        let reads = f64::from(BREAKERS) / polls_every(size);
        report.holds(
            &format!("{size} instances at rest: commands a second of each"),
            &format!("1.2 + 20 / p = {:.1} ± 25 %", 1.2 + reads),
            rest.commands,
            (rest.commands / (1.2 + reads) - 1.0).abs() < 0.25,
        );
        report.holds(
            &format!("{size} instances at rest: round trips a second of each"),
            "≤ 3",
            format!("{:.2}; Redis is busy {:.2} %", rest.trips, rest.busy),
            rest.trips <= 3.0,
        );

        fleet.ask(&Order::Load(1, 10_000, 1.0))?;
        fleet.settles(Duration::from_secs(5), |shown| shown.state == "open")?;
        let down = measure(&server, size);
        fleet.ask(&Order::Unload)?;
        report.holds(
            &format!("{size} instances, all calls fail: round trips a second of each"),
            "≤ 3 more",
            format!("{:.2}; Redis is busy {:.2} %", down.trips, down.busy),
            down.trips <= rest.trips + 3.0,
        );
    }
    Ok(())
}

fn polls_every(instances: usize) -> f64 {
    (f64::from(BREAKERS) * instances as f64 / 10_000.0).max(1.0)
}

/// Of each instance in a second; and the share of a processor that Redis took.
struct Cost {
    commands: f64,
    trips: f64,
    busy: f64,
}

fn measure(server: &Server, instances: usize) -> Cost {
    let (began, before) = (Instant::now(), processor(server));
    sleep(TIME);
    let busy = (processor(server) - before) / began.elapsed().as_secs_f64() * 100.0;
    // Apart, since watching costs more than what is watched.
    let monitor = server.monitor();
    let began = Instant::now();
    sleep(TIME);
    let seen = monitor.take();
    let each = began.elapsed().as_secs_f64() * instances as f64;
    Cost {
        commands: seen.len() as f64 / each,
        trips: trips(&seen) as f64 / each,
        busy,
    }
}

/// Seconds of a processor that Redis has used.
fn processor(server: &Server) -> f64 {
    let info = server.command(&["INFO", "cpu"]).text();
    let of = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse::<f64>().ok())
    };
    of("used_cpu_sys:").unwrap_or(0.0) + of("used_cpu_user:").unwrap_or(0.0)
}

/// Commands of one client that came together are one.
fn trips(seen: &[Seen]) -> usize {
    let mut last = HashMap::new();
    let mut trips = 0;
    for command in seen {
        let at: f64 = command.at.parse().unwrap_or(0.0);
        let before = last.insert(command.client.as_str(), at);
        trips += usize::from(before.is_none_or(|before| at - before > TOGETHER));
    }
    trips
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_that_come_together_are_one_round_trip() {
        let seen = |at: &str, client: &str| Seen {
            at: at.to_owned(),
            client: client.to_owned(),
            text: String::new(),
        };
        let all = [
            seen("1.0000", "a"),
            seen("1.0010", "a"),
            seen("1.0010", "b"),
            seen("1.0100", "a"),
        ];
        assert_eq!(trips(&all), 3);
    }
}
