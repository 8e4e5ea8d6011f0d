//! What a stand-in does with a request: pure rules, no clock and no socket.

use std::time::Duration;

use steadfast_options::Ratio;

use super::draw;

/// Every request.
const ALL: Ratio = Ratio::literal(1.0);

/// Answers with an error status.
#[derive(Debug, Clone, PartialEq)]
pub struct Errors {
    /// The status: 400 to 599.
    pub status: u16,
    /// How many of the requests get it.
    pub share: Ratio,
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
    pub hang: Option<Ratio>,
    /// Requests whose connection is reset (TCP `RST`).
    pub reset: Option<Ratio>,
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
            hang: None,
            reset: None,
            errors: None,
        }
    }

    /// Takes every request and answers none.
    #[must_use]
    pub fn hanging() -> Self {
        Self {
            hang: Some(ALL),
            ..Self::healthy()
        }
    }

    /// Resets the connection of every request.
    #[must_use]
    pub fn resetting() -> Self {
        Self {
            reset: Some(ALL),
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
            share: ALL,
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
            share: ALL,
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

    /// Whether any request comes to grief; a slow answer is an answer.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.hang.is_some() || self.reset.is_some() || self.errors.is_some()
    }

    /// What ails it, in a few words; `slow` where it answers all the same.
    #[must_use]
    pub fn symptoms(&self) -> String {
        let share = |ratio: Ratio| format!(" {:.0}%", ratio.get() * 100.0);
        let mut symptoms = Vec::new();
        symptoms.extend(self.hang.map(|ratio| format!("hangs{}", share(ratio))));
        symptoms.extend(self.reset.map(|ratio| format!("resets{}", share(ratio))));
        let errors = self.errors.as_ref();
        symptoms.extend(errors.map(|errors| format!("{}{}", errors.status, share(errors.share))));
        if symptoms.is_empty() {
            symptoms.push(format!("slow {} ms", self.latency.as_millis()));
        }
        symptoms.join(", ")
    }

    /// What becomes of request number `n`: the same for the same seed, whatever the load.
    pub(super) fn decide(&self, seed: u64, n: u64) -> Fate {
        let lot = draw::unit(seed, n, draw::Lane::Fate);
        let hang = self.hang.map_or(0.0, Ratio::get);
        let reset = hang + self.reset.map_or(0.0, Ratio::get);
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

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn mixed() -> Behaviour {
        Behaviour {
            latency: 50 * MS,
            jitter: 10 * MS,
            hang: Ratio::new(0.2),
            reset: Ratio::new(0.3),
            errors: Some(Errors {
                status: 503,
                share: Ratio::literal(0.4),
                retry_after: None,
            }),
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
    fn symptoms_are_named() {
        assert_eq!(mixed().symptoms(), "hangs 20%, resets 30%, 503 40%");
        let slow = Behaviour::healthy().latency(350 * MS);
        assert_eq!(slow.symptoms(), "slow 350 ms");
        assert!(mixed().fails() && !slow.fails());
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
}
