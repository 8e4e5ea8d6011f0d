//! What happens to the fleet, and what was to be seen.

use std::time::Duration;

use serde::Serialize;

use super::fleet::{Fleet, Seen, Trouble};

/// Longer than the breaker is open, and than Redis takes to be found again.
const SOON: Duration = Duration::from_secs(8);
const A_WHILE: Duration = Duration::from_millis(1_500);

/// A scene, once it was played.
#[derive(Clone, Debug, Serialize)]
pub struct Scene {
    /// What happened.
    pub what: String,
    /// What was to be seen then.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// Whether that is the same.
    pub as_told: bool,
}

/// The whole story.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// How many instances were in it.
    pub instances: usize,
    /// Its scenes.
    pub scenes: Vec<Scene>,
    /// Whether somebody ended it before its end.
    pub interrupted: bool,
}

/// Plays every scene. Those with a Redis that dies are left out where it is not ours.
///
/// # Errors
///
/// Where an instance ends, such as one that cannot make anything of the address of Redis.
pub(super) fn tell(mut fleet: Fleet) -> Result<Told, Trouble> {
    let instances = fleet.count();
    let scenes: [fn(&mut Fleet); 4] = [all_is_well, one_fails, by_hand, redis_dies];
    let wanted = if fleet.owns_redis() { 4 } else { 3 };
    for scene in &scenes[..wanted] {
        if !fleet.is_over() {
            scene(&mut fleet);
        }
    }
    if fleet.has_lost_one() {
        return Err("an instance ended, and the story with it".into());
    }
    let interrupted = fleet.is_over();
    let scenes = fleet.see().scenes.clone();
    Ok(Told {
        instances,
        scenes,
        interrupted,
    })
}

fn all_is_well(fleet: &mut Fleet) {
    begin(fleet, "all is well");
    let joined = fleet.until(SOON, |all| {
        all.iter()
            .all(|seen| seen.said.state == "closed" && !seen.said.alone && seen.said.calls.ok > 0)
    });
    fleet.pass(A_WHILE);
    scene(fleet, "every instance calls", states, joined);
}

fn one_fails(fleet: &mut Fleet) {
    begin(
        fleet,
        "instance 1 cannot reach payments: 5 of its calls fail",
    );
    mark(fleet);
    fleet.sick(0, true);
    let stopped = fleet.until(SOON, |all| all_in(all, "open"));
    let apart = |all: &[Seen]| {
        let at = |seen: &Seen| {
            seen.changes
                .iter()
                .find(|(_, to)| to == "open")
                .map(|(at, _)| *at)
        };
        let times: Option<Vec<u64>> = all.iter().map(at).collect();
        let Some(times) = times else {
            return states(all);
        };
        let first = times.iter().min().copied().unwrap_or(0);
        let last = times.iter().max().copied().unwrap_or(0);
        let apart = (last - first) as f64 / 1e3;
        format!("the last stopped {apart:.1} ms after the first")
    };
    scene(fleet, "all stop, within milliseconds", apart, stopped);
    fleet.pass(A_WHILE / 3);
    begin(fleet, "payments are well again");
    fleet.sick(0, false);
    let goes_on = fleet.until(SOON, |all| all_in(all, "closed"));
    scene(
        fleet,
        "two probes of the fleet close it for all",
        states,
        goes_on,
    );
    fleet.pass(A_WHILE);
}

fn by_hand(fleet: &mut Fleet) {
    begin(fleet, "an operator forces it open in instance 2");
    fleet.order(1, "force_open");
    let forced = fleet.until(SOON, |all| all_in(all, "forced_open"));
    scene(fleet, "it is so in all", states, forced);
    fleet.pass(A_WHILE / 2);
    begin(fleet, "and resets it in instance 1");
    fleet.order(0, "reset");
    let reset = fleet.until(SOON, |all| all_in(all, "closed"));
    scene(fleet, "it is so in all", states, reset);
    fleet.pass(A_WHILE);
}

fn redis_dies(fleet: &mut Fleet) {
    begin(fleet, "Redis is killed");
    let before = refused_or_failed(&fleet.see().instances);
    fleet.kill_redis();
    let alone = fleet.until(SOON, |all| all.iter().all(|seen| seen.said.alone));
    fleet.pass(A_WHILE);
    let lost = refused_or_failed(&fleet.see().instances) - before;
    let calls = move |all: &[Seen]| format!("{lost} calls failed; {}", states(all));
    scene(
        fleet,
        "each goes on alone, no call fails",
        calls,
        alone && lost == 0,
    );

    begin(fleet, "instance 2 cannot reach payments");
    fleet.sick(1, true);
    let stopped = fleet.until(SOON, |all| {
        let others = all.iter().enumerate().filter(|(place, _)| *place != 1);
        all[1].said.state == "open"
            && others
                .into_iter()
                .all(|(_, seen)| seen.said.state == "closed")
    });
    scene(fleet, "it stops, the others go on", states, stopped);
    fleet.pass(A_WHILE / 3);

    begin(fleet, "Redis is back");
    fleet.restart_redis();
    let told = fleet.until(SOON, |all| {
        all.iter().all(|seen| !seen.said.alone) && all_in(all, "open")
    });
    scene(
        fleet,
        "all join, and stop for what instance 2 saw",
        states,
        told,
    );
    begin(fleet, "payments are well again");
    fleet.sick(1, false);
    let goes_on = fleet.until(SOON, |all| all_in(all, "closed"));
    scene(fleet, "all go on", states, goes_on);
    fleet.pass(A_WHILE);
}

fn begin(fleet: &Fleet, what: &str) {
    what.clone_into(&mut fleet.see().now);
}

/// Changes from now on are those of this scene.
fn mark(fleet: &Fleet) {
    let mut board = fleet.see();
    board
        .instances
        .iter_mut()
        .for_each(|seen| seen.changes.clear());
}

fn scene(fleet: &Fleet, expected: &str, seen: impl Fn(&[Seen]) -> String, as_told: bool) {
    if fleet.is_over() {
        return; // it did not come to its end
    }
    let mut board = fleet.see();
    let scene = Scene {
        what: board.now.clone(),
        expected: expected.to_owned(),
        seen: seen(&board.instances),
        as_told,
    };
    board.scenes.push(scene);
}

fn all_in(all: &[Seen], state: &str) -> bool {
    all.iter().all(|seen| seen.said.state == state)
}

fn refused_or_failed(all: &[Seen]) -> u64 {
    let calls = all.iter().map(|seen| seen.said.calls);
    calls.map(|calls| calls.failed + calls.refused).sum()
}

/// Each state with how many are in it.
fn states(all: &[Seen]) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for seen in all {
        let alone = if seen.said.alone { ", alone" } else { "" };
        let state = format!("{}{alone}", seen.said.state);
        match counts.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => counts.push((state, 1)),
        }
    }
    let counts = counts
        .iter()
        .map(|(state, count)| format!("{count} {state}"));
    counts.collect::<Vec<_>>().join("; ")
}
