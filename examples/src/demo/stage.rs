//! What there is to see while the demo runs.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use steadfast::State;
use tokio::time::Instant;

use super::Plan;
use super::arm::{ArmRun, ArmSnapshot, breaker};
use crate::dependency::{Dependency, PerDependency};
use crate::scenario::Scenario;

/// Transitions that are kept for the live view.
const KEPT: usize = 50;

/// Both arms, and what views need to know of them. Views look at it from a thread of their own.
#[derive(Debug)]
pub struct Stage {
    name: String,
    scenario: Scenario,
    began: Instant,
    arms: [ArmRun; 2],
    seen: Mutex<Looked>,
    delivering: AtomicBool,
    closed: AtomicBool,
}

/// What the looks so far have found.
#[derive(Debug)]
struct Looked {
    totals: [PerDependency<u64>; 2],
    rates: [PerDependency<u64>; 2],
    states: PerDependency<State>,
    transitions: VecDeque<Transition>,
}

/// A breaker's change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transition {
    /// When it was seen, from the first customer.
    pub at: Duration,
    /// Whose breaker.
    pub dependency: Dependency,
    /// Before.
    pub from: State,
    /// Since then.
    pub to: State,
}

/// The demo as of a moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Since the first customer.
    pub elapsed: Duration,
    /// With policies, then without.
    pub arms: [ArmSnapshot; 2],
    /// The breakers' last changes of state, the oldest first.
    pub transitions: Vec<Transition>,
    /// Whether all customers have gone, and the last letters are delivered.
    pub delivering: bool,
}

impl Stage {
    pub(super) fn new(plan: &Plan, began: Instant, guarded: ArmRun, bare: ArmRun) -> Self {
        Self {
            name: plan.name.clone(),
            scenario: plan.scenario.clone(),
            began,
            arms: [guarded, bare],
            seen: Mutex::new(Looked {
                totals: Default::default(),
                rates: Default::default(),
                states: PerDependency::from_fn(breaker),
                transitions: VecDeque::with_capacity(KEPT),
            }),
            delivering: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        }
    }

    /// The scenario's name or path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What happens, and when.
    #[must_use]
    pub fn scenario(&self) -> &Scenario {
        &self.scenario
    }

    /// When the first customer comes.
    #[must_use]
    pub fn began(&self) -> Instant {
        self.began
    }

    /// Since the first customer; zero before.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether the run is over, and so is every view of it.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Everything as of now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let seen = self.seen();
        let [guarded, bare] = &self.arms;
        Snapshot {
            elapsed: self.elapsed(),
            arms: [
                guarded.snapshot(&seen.rates[0]),
                bare.snapshot(&seen.rates[1]),
            ],
            transitions: seen.transitions.iter().copied().collect(),
            delivering: self.delivering.load(Ordering::Relaxed),
        }
    }

    pub(super) fn arms(&self) -> [&ArmRun; 2] {
        self.arms.each_ref()
    }

    pub(super) fn deliver(&self) {
        self.delivering.store(true, Ordering::Relaxed);
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// Notes which breakers have changed their state.
    pub(super) fn look(&self) {
        let mut seen = self.seen();
        for dependency in Dependency::ALL {
            let to = breaker(dependency);
            let from = std::mem::replace(&mut seen.states[dependency], to);
            if from == to {
                continue;
            }
            if seen.transitions.len() == KEPT {
                seen.transitions.pop_front();
            }
            seen.transitions.push_back(Transition {
                at: self.elapsed(),
                dependency,
                from,
                to,
            });
        }
    }

    /// Closes a second: what ended in it, and how many requests went out.
    pub(super) fn second(&self) {
        let mut seen = self.seen();
        let Looked { totals, rates, .. } = &mut *seen;
        for (index, arm) in self.arms.iter().enumerate() {
            arm.recorder.tick();
            arm.pages.tick();
            let hits = arm.hits();
            for dependency in Dependency::ALL {
                let total = hits[dependency].total;
                let before = std::mem::replace(&mut totals[index][dependency], total);
                rates[index][dependency] = total - before;
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Looked> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
