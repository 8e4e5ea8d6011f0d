//! When a stand-in is sick: pure rules, no clock.

use std::time::Duration;

use super::behaviour::Behaviour;

/// A sickness: how the stand-in behaves from one moment until another.
#[derive(Debug, Clone, PartialEq)]
pub struct Phase {
    /// Its first moment, from the start of the timeline.
    pub from: Duration,
    /// The first moment after it.
    pub until: Duration,
    /// What the stand-in does meanwhile.
    pub behaviour: Behaviour,
}

/// What a stand-in does over time: `base`, but for its phases.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    /// What it does while it is well.
    pub base: Behaviour,
    /// When it is sick; phases do not overlap.
    pub phases: Vec<Phase>,
}

impl Timeline {
    /// Always the same: well, whatever the behaviour.
    #[must_use]
    pub fn always(base: Behaviour) -> Self {
        Self {
            base,
            phases: Vec::new(),
        }
    }

    /// Sick from the start, and never well.
    #[must_use]
    pub fn sick(behaviour: Behaviour) -> Self {
        Self {
            base: Behaviour::healthy(),
            phases: vec![Phase {
                from: Duration::ZERO,
                until: Duration::MAX,
                behaviour,
            }],
        }
    }

    /// The phase that holds at `elapsed`; none where the stand-in is well.
    #[must_use]
    pub fn phase_at(&self, elapsed: Duration) -> Option<&Phase> {
        let holds = |phase: &&Phase| phase.from <= elapsed && elapsed < phase.until;
        self.phases.iter().find(holds)
    }

    /// The same sicknesses over a time `factor` times as long; latencies stay as they are.
    #[must_use]
    pub fn stretched(&self, factor: f64) -> Self {
        let phases = self.phases.iter().map(|phase| Phase {
            from: phase.from.mul_f64(factor),
            until: phase.until.mul_f64(factor),
            behaviour: phase.behaviour.clone(),
        });
        Self {
            base: self.base.clone(),
            phases: phases.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_phase_holds_from_its_first_moment_until_its_last() {
        let timeline = Timeline {
            base: Behaviour::healthy(),
            phases: vec![Phase {
                from: 10 * MS,
                until: 20 * MS,
                behaviour: Behaviour::hanging(),
            }],
        };
        let sick = |at| timeline.phase_at(at).is_some();
        assert!(!sick(9 * MS) && sick(10 * MS) && sick(19 * MS) && !sick(20 * MS));
    }

    #[test]
    fn stretching_moves_the_phases_and_keeps_the_latencies() {
        let phase = Phase {
            from: 10 * MS,
            until: 20 * MS,
            behaviour: Behaviour::healthy().latency(7 * MS),
        };
        let timeline = Timeline {
            base: Behaviour::healthy(),
            phases: vec![phase],
        };
        let longer = timeline.stretched(2.5);
        assert_eq!(longer.phases[0].from, 25 * MS);
        assert_eq!(longer.phases[0].until, 50 * MS);
        assert_eq!(longer.phases[0].behaviour.latency, 7 * MS);
    }
}
