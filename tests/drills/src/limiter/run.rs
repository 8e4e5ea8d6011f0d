//! Starts processes that take tokens, and collects what they took.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use steadfast_rig::Process;

use super::node::{Task, Told};
use crate::fleet;
use crate::times::now;

/// Processes that work.
pub(super) struct Takers {
    processes: Vec<(Process, BufReader<ChildStdout>)>,
    /// When they began, by the machine's monotonic clock.
    pub(super) from: u64,
}

/// Time to begin together.
const AHEAD: u64 = 200_000_000;
/// In which all heartbeats were heard.
const HEARTBEATS: Duration = Duration::from_millis(5_700);

/// Whether it matters that each knows how many they are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Know {
    EachOther,
    Nothing,
}

/// Starts so many, to work for so long.
pub(super) fn start(count: usize, task: &Task, time: Duration, know: Know) -> Result<Takers> {
    let mut begun: Vec<(Process, ChildStdin, BufReader<ChildStdout>)> = Vec::new();
    for number in 0..count {
        let mut command = Process::of(&fleet::program()?);
        command
            .arg("limiter")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::start(command)?;
        let child = process.child();
        let mut input = child.stdin.take().context("no pipe")?;
        let output = BufReader::new(child.stdout.take().context("no pipe")?);
        let own = own_part(task, number, count);
        writeln!(input, "{}", serde_json::to_string(&own)?)?;
        begun.push((process, input, output));
    }
    for (_, _, output) in &mut begun {
        let mut line = String::new();
        output.read_line(&mut line)?;
        ensure!(line.trim() == "ready", "a process did not start: {line:?}");
    }
    if know == Know::EachOther {
        std::thread::sleep(HEARTBEATS);
    }
    let from = now() + AHEAD;
    let until = from + u64::try_from(time.as_nanos())?;
    let mut processes = Vec::new();
    for (process, mut input, output) in begun {
        writeln!(input, "{from} {until}")?;
        processes.push((process, output));
    }
    Ok(Takers { processes, from })
}

/// Keys are shared out.
fn own_part(task: &Task, number: usize, count: usize) -> Task {
    use super::node::Way;
    let mut own = task.clone();
    if let Way::Keys(first, keys) = task.way {
        let (number, count) = (number as u32, count as u32);
        own.way = Way::Keys(first + number * (keys / count), keys / count);
    }
    own
}

impl Takers {
    /// What each of them did.
    pub(super) fn end(self) -> Result<Vec<Told>> {
        let mut told = Vec::new();
        for (_process, mut output) in self.processes {
            let mut line = String::new();
            output.read_line(&mut line)?;
            told.push(serde_json::from_str(&line).context("a process ended early")?);
        }
        Ok(told)
    }
}
