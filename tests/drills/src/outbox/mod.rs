//! The drill of the outbox: processes that push and work, while workers, Redis and connections are killed.

mod parts;

use std::collections::HashMap;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use steadfast_rig::{Folder, Process, Reply, Server};

pub use parts::part;

use crate::fleet;
use crate::list::Drill;
use crate::report::Report;

pub(crate) const DRILLS: &[Drill] = &[
    Drill {
        id: "outbox",
        title: "100,000 entries of 4 processes; workers, Redis and connections are killed",
        quick: false,
        run: |report| run(report, &FULL, 0xB0C5),
    },
    Drill {
        id: "outbox-small",
        title: "the same with 2,000 entries",
        quick: true,
        run: |report| run(report, &SMALL, 0xB0C5),
    },
];

const PUSHERS: u64 = 4;
const WORKERS: usize = 3;
/// How much there is to do, and what must have been killed meanwhile: workers, Redis, connections.
struct Size {
    /// Entries of each process that pushes.
    each: u64,
    /// Those it pushes a second at the most, so that there is time for faults.
    pace: u64,
    least: [u32; 3],
}

const FULL: Size = Size {
    each: 25_000,
    pace: 800,
    least: [10, 3, 5],
};
const SMALL: Size = Size {
    each: 500,
    pace: 100,
    least: [1, 0, 1],
};
/// How long the rest may take once nothing is killed any more.
const DRAIN: Duration = Duration::from_secs(120);

fn run(report: &mut Report, size: &Size, seed: u64) -> Result<()> {
    let mut server = Server::options().appendonly().start();
    let folder = Folder::new()?;
    let mut random = fastrand::Rng::with_seed(seed);
    let began = Instant::now();
    let mut pushers = Vec::new();
    for number in 0..PUSHERS {
        let words = [number * size.each, size.each, size.pace].map(|word| word.to_string());
        let [from, count, pace] = &words;
        pushers.push(start(&["push", &server.url(), from, count, pace])?);
    }
    let mut workers = Workers::start(&server, folder.path())?;
    let mut killed = Killed::default();
    while !all_ended(&mut pushers)? {
        sleep(Duration::from_millis(random.u64(200..700)));
        killed.one(&mut random, &mut server, &mut workers)?;
        ensure!(
            began.elapsed() < Duration::from_secs(900),
            "the pushes do not end"
        );
    }
    let drained = drain(&server)?;
    drop(workers);
    let done = done(folder.path())?;
    let entries = PUSHERS * size.each;
    let lost = (0..entries)
        .filter(|order| !done.contains_key(order))
        .count();
    let handled: u64 = done.values().sum();
    let twice = handled - done.len() as u64;
    report.holds("acknowledged", "all", entries, true);
    report.holds("lost", "0", lost, lost == 0 && drained);
    let share = 100.0 * twice as f64 / entries as f64;
    report.holds(
        "handled more than once",
        "a few in a hundred",
        format!("{twice} ({share:.2} %)"),
        share < 20.0,
    );
    let enough = killed
        .all()
        .iter()
        .zip(size.least)
        .all(|(&n, least)| n >= least);
    report.holds(
        "killed, at least",
        &told(size.least),
        told(killed.all()),
        enough,
    );
    Ok(())
}

/// A process that is a part of the drill.
fn start(words: &[&str]) -> Result<Process> {
    let mut command = Process::of(&fleet::program()?);
    command.arg("outbox-part").args(words);
    Process::start(command).context("a process of the drill can't be started")
}

/// Whether all have ended, and well.
fn all_ended(pushers: &mut [Process]) -> Result<bool> {
    let mut all = true;
    for pusher in pushers {
        match pusher.ended() {
            Some(status) => ensure!(status.success(), "a pusher failed: {status}"),
            None => all = false,
        }
    }
    Ok(all)
}

/// The processes that work, each with a file of what it has done.
struct Workers<'d> {
    url: String,
    folder: &'d Path,
    started: usize,
    all: Vec<Process>,
}

impl<'d> Workers<'d> {
    fn start(server: &Server, folder: &'d Path) -> Result<Self> {
        let mut workers = Self {
            url: server.url(),
            folder,
            started: 0,
            all: Vec::new(),
        };
        for _ in 0..WORKERS {
            let worker = workers.another()?;
            workers.all.push(worker);
        }
        Ok(workers)
    }

    fn another(&mut self) -> Result<Process> {
        self.started += 1;
        let file = self.folder.join(format!("done-{}", self.started));
        start(&["work", &self.url, &file.to_string_lossy()])
    }
}

/// What was killed.
#[derive(Default)]
struct Killed {
    workers: u32,
    servers: u32,
    connections: u32,
}

impl Killed {
    fn one(
        &mut self,
        random: &mut fastrand::Rng,
        server: &mut Server,
        workers: &mut Workers<'_>,
    ) -> Result<()> {
        match random.u8(0..6) {
            0..3 => {
                let at = random.usize(0..workers.all.len());
                workers.all[at].kill();
                workers.all[at] = workers.another()?;
                self.workers += 1;
            }
            3..5 => {
                server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
                self.connections += 1;
            }
            _ => {
                server.kill();
                sleep(Duration::from_millis(random.u64(0..200)));
                server.restart();
                self.servers += 1;
            }
        }
        Ok(())
    }

    fn all(&self) -> [u32; 3] {
        [self.workers, self.servers, self.connections]
    }
}

fn told([workers, servers, connections]: [u32; 3]) -> String {
    format!("workers {workers}, Redis {servers}, all connections {connections}")
}

/// Waits until nothing is left in the queue.
fn drain(server: &Server) -> Result<bool> {
    let length = |command: &str, part: &str| {
        let key = format!("{{steadfast:q:drill}}:{part}");
        match server.command(&[command, &key]) {
            Reply::Int(length) => Ok(length),
            other => anyhow::bail!("{command} {key}: {other:?}"),
        }
    };
    let began = Instant::now();
    loop {
        if length("XLEN", "s")? + length("ZCARD", "z")? == 0 {
            return Ok(length("XLEN", "d")? == 0);
        }
        if began.elapsed() > DRAIN {
            return Ok(false);
        }
        sleep(Duration::from_millis(50));
    }
}

/// How often each order was handled.
fn done(folder: &Path) -> Result<HashMap<u64, u64>> {
    let mut done = HashMap::new();
    for file in std::fs::read_dir(folder)? {
        let text = std::fs::read_to_string(file?.path())?;
        // A line that was being written when its process was killed may be torn: it was not done.
        for line in text.split_inclusive('\n').filter(|it| it.ends_with('\n')) {
            *done.entry(line.trim_end().parse()?).or_insert(0) += 1;
        }
    }
    Ok(done)
}
