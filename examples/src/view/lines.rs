//! A line a second, for where there is no terminal.

use std::fmt::Write as _;
use std::io::Write;
use std::thread;
use std::time::Duration;

use steadfast::State;

use crate::demo::{ArmSnapshot, Queue, Saved, Snapshot, Stage};
use crate::dependency::Dependency;
use crate::scenario::Scenario;

/// Writes a line for each second until the run is over.
pub(super) fn run(stage: &Stage, mut to: impl Write) {
    for second in 1.. {
        let due = Duration::from_secs(second);
        while stage.elapsed() < due {
            if stage.is_closed() {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        // Whoever read the lines may have left; the run goes on for its result.
        let _ = writeln!(to, "{}", line(stage.scenario(), &stage.snapshot()));
    }
}

fn line(scenario: &Scenario, snapshot: &Snapshot) -> String {
    let [guarded, bare] = &snapshot.arms;
    let mut line = format!("{:>3} s", snapshot.elapsed.as_secs());
    let _ = write!(line, " | with: {}", arm(guarded));
    if let Some(saved) = guarded.saved {
        line += &self::saved(saved);
    }
    line += &breakers(guarded);
    let _ = write!(line, " | without: {}", arm(bare));
    let sick = Dependency::ALL.into_iter().filter_map(|dependency| {
        let phase = scenario.timelines[dependency].phase_at(snapshot.elapsed);
        phase.map(|_| dependency.name())
    });
    let sick: Vec<&str> = sick.collect();
    if !sick.is_empty() {
        let _ = write!(line, " | sick: {}", sick.join(", "));
    }
    if snapshot.delivering {
        line += " | delivering the last e-mails";
    }
    line
}

fn arm(arm: &ArmSnapshot) -> String {
    let second = arm.seconds.last().copied().unwrap_or_default();
    let tally = second.tally;
    let (full, degraded, failed) = (tally.full, tally.degraded, tally.failed());
    let (waiting, p99) = (arm.totals.waiting, second.p99.as_millis());
    let pages = arm.pages.tally;
    let (served, unserved) = (pages.full + pages.degraded, pages.failed());
    format!(
        "{full} ok, {degraded} degraded, {failed} failed, {waiting} waiting, p99 {p99} ms, \
         pages so far: {served} ok, {unserved} failed"
    )
}

/// What caches and the queue have done so far.
fn saved(Saved { kept, queue }: Saved) -> String {
    let (fresh, stale, last_good) = (kept.fresh, kept.stale, kept.last_good);
    let mut text = format!(" ({fresh} fresh, {stale} old, {last_good} last good)");
    if let Some(Queue {
        waiting,
        delivered,
        dead,
    }) = queue
    {
        let _ = write!(
            text,
            ", e-mail queue: {waiting} waiting, {delivered} delivered, {dead} dead"
        );
    }
    text
}

fn breakers(arm: &ArmSnapshot) -> String {
    let unusual = arm.dependencies.iter().filter_map(|(dependency, seen)| {
        let state = seen.breaker.filter(|state| *state != State::Closed)?;
        Some(format!("{dependency} {}", state.as_str()))
    });
    let unusual: Vec<String> = unusual.collect();
    if unusual.is_empty() {
        return String::new();
    }
    format!(", breakers: {}", unusual.join(", "))
}
