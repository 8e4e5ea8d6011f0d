//! What a stand-in does, and when: pure rules, no clock and no socket.

use std::time::Duration;

use super::draw;

/// A share of the requests, from none (`0.0`) to all (`1.0`).
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(f64);

impl Share {
    /// No request.
    pub const NONE: Self = Self(0.0);
    /// Every request.
    pub const ALL: Self = Self(1.0);

    /// `None` unless `0.0 <= share <= 1.0`.
    #[must_use]
    pub fn new(share: f64) -> Option<Self> {
        (0.0..=1.0).contains(&share).then_some(Self(share))
    }

    /// The share as a number from 0 to 1.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }
}

/// Answers with an error status.
#[derive(Debug, Clone, PartialEq)]
pub struct Errors {
    /// The status: 400 to 599.
    pub status: u16,
    /// How many of the requests get it.
    pub share: Share,
    /// The `Retry-After` header; whole seconds, as the header has no finer unit.
    pub retry_after: Option<Duration>,
}

/// How a stand-in treats the requests that reach it.
///
/// ```
/// use std::time::Duration;
/// use steadfast_examples::upstream::Behaviour;
///
/// let overloaded = Behaviour::rate_limiting(Duration::from_secs(2)).latency(Duration::from_millis(5));
/// assert_eq!(overloaded.errors.unwrap().status, 429);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// Time before an answer, an error or a reset.
    pub latency: Duration,
    /// The latency of one request lies within `latency ± jitter`.
    pub jitter: Duration,
    /// Requests that are taken and never answered.
    pub hang: Share,
    /// Requests whose connection is reset (TCP `RST`).
    pub reset: Share,
    /// Requests that are answered with an error status.
    pub errors: Option<Errors>,
}

impl Behaviour {
    /// Answers `200` to everything, at once.
    #[must_use]
    pub fn healthy() -> Self {
        Self {
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            hang: Share::NONE,
            reset: Share::NONE,
            errors: None,
        }
    }

    /// Takes every request and answers none.
    #[must_use]
    pub fn hanging() -> Self {
        Self {
            hang: Share::ALL,
            ..Self::healthy()
        }
    }

    /// Resets the connection of every request.
    #[must_use]
    pub fn resetting() -> Self {
        Self {
            reset: Share::ALL,
            ..Self::healthy()
        }
    }

    /// Answers `status` to every request.
    ///
    /// # Panics
    /// Unless the status says error: 400 to 599.
    #[must_use]
    pub fn failing(status: u16) -> Self {
        assert!((400..600).contains(&status), "{status} is no error status");
        let errors = Errors {
            status,
            share: Share::ALL,
            retry_after: None,
        };
        Self {
            errors: Some(errors),
            ..Self::healthy()
        }
    }

    /// Answers `429` with `Retry-After` to every request.
    #[must_use]
    pub fn rate_limiting(retry_after: Duration) -> Self {
        let errors = Errors {
            status: 429,
            share: Share::ALL,
            retry_after: Some(retry_after),
        };
        Self {
            errors: Some(errors),
            ..Self::healthy()
        }
    }

    /// The same with another latency.
    #[must_use]
    pub fn latency(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    /// What becomes of request number `n`: the same for the same seed, whatever the load.
    pub(super) fn decide(&self, seed: u64, n: u64) -> Fate {
        let lot = draw::unit(seed, n, draw::Lane::Fate);
        let hang = self.hang.get();
        let reset = hang + self.reset.get();
        if lot < hang {
            return Fate::Hang;
        }
        let after = self.delay(draw::unit(seed, n, draw::Lane::Latency));
        if lot < reset {
            return Fate::Reset { after };
        }
        match &self.errors {
            Some(errors) if lot < reset + errors.share.get() => Fate::Answer {
                after,
                status: errors.status,
                retry_after: errors.retry_after,
            },
            _ => Fate::Answer {
                after,
                status: 200,
                retry_after: None,
            },
        }
    }

    fn delay(&self, unit: f64) -> Duration {
        let shift = self.jitter.mul_f64(2.0 * unit);
        (self.latency + shift).saturating_sub(self.jitter)
    }
}

/// What becomes of one request.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Fate {
    Hang,
    Reset {
        after: Duration,
    },
    Answer {
        after: Duration,
        status: u16,
        retry_after: Option<Duration>,
    },
}

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

    fn mixed() -> Behaviour {
        Behaviour {
            latency: 50 * MS,
            jitter: 10 * MS,
            hang: Share::new(0.2).unwrap(),
            reset: Share::new(0.3).unwrap(),
            errors: Some(Errors {
                status: 503,
                share: Share::new(0.4).unwrap(),
                retry_after: None,
            }),
        }
    }

    #[test]
    fn a_share_lies_between_none_and_all() {
        assert_eq!(Share::new(0.25).map(Share::get), Some(0.25));
        for bad in [-0.1, 1.01, f64::NAN] {
            assert_eq!(Share::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn each_fate_gets_its_share_of_the_requests() {
        let (mut hung, mut reset, mut failed, mut well) = (0, 0, 0, 0);
        for n in 0..10_000 {
            match mixed().decide(7, n) {
                Fate::Hang => hung += 1,
                Fate::Reset { .. } => reset += 1,
                Fate::Answer { status: 503, .. } => failed += 1,
                Fate::Answer { .. } => well += 1,
            }
        }
        for (got, share) in [(hung, 0.2), (reset, 0.3), (failed, 0.4), (well, 0.1)] {
            let off = (f64::from(got) / 10_000.0 - share).abs();
            assert!(off < 0.02, "{got} of 10,000, expected {share}");
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_fates() {
        let fates = |seed| (0..100).map(move |n| mixed().decide(seed, n));
        assert!(fates(1).eq(fates(1)));
        assert!(fates(1).ne(fates(2)));
    }

    #[test]
    fn latency_stays_within_its_jitter() {
        let behaviour = Behaviour {
            jitter: 10 * MS,
            ..Behaviour::healthy().latency(50 * MS)
        };
        let mut seen = Vec::new();
        for n in 0..1000 {
            if let Fate::Answer { after, .. } = behaviour.decide(3, n) {
                assert!((40 * MS..=60 * MS).contains(&after), "{after:?}");
                seen.push(after);
            }
        }
        assert!(
            seen.iter()
                .max()
                .unwrap()
                .abs_diff(*seen.iter().min().unwrap())
                > 15 * MS
        );
    }

    #[test]
    fn a_jitter_above_the_latency_stops_at_zero() {
        let behaviour = Behaviour {
            jitter: 90 * MS,
            ..Behaviour::healthy().latency(5 * MS)
        };
        assert_eq!(behaviour.delay(0.0), Duration::ZERO);
    }

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
