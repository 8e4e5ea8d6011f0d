//! Pauses between attempts: pure but for the random numbers, which are handed in.

use std::time::Duration;

use fastrand::Rng;
use steadfast_options::{Factor, Jitter, unjittered_pause};

/// Growing pauses: before attempt n+1, min(cap, base × factor^(n−1)), varied by a jitter.
///
/// The cap holds after factor and jitter, and nothing overflows. Defaults: factor 2, cap 60 s (or
/// the base, where that is longer), jitter `Full`.
///
/// ```
/// use std::time::Duration;
/// use steadfast::{Backoff, Jitter};
///
/// let pauses = Backoff::new(Duration::from_secs(1)).cap(Duration::from_secs(3)).jitter(Jitter::None);
/// let seconds: Vec<u64> = pauses.delays().take(4).map(|pause| pause.as_secs()).collect();
/// assert_eq!(seconds, [1, 2, 3, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[must_use]
pub struct Backoff {
    base: Duration,
    factor: Factor,
    cap: Duration,
    jitter: Jitter,
}

const DEFAULT_CAP: Duration = Duration::from_secs(60);

impl Backoff {
    /// Pauses that begin at `base`; zero means none at all.
    pub const fn new(base: Duration) -> Self {
        let cap = if base.as_nanos() > DEFAULT_CAP.as_nanos() {
            base
        } else {
            DEFAULT_CAP
        };
        Self {
            base,
            factor: Factor::literal(2.0),
            cap,
            jitter: Jitter::Full,
        }
    }

    /// Growth from one pause to the next.
    ///
    /// # Panics
    ///
    /// Where `factor` is below 1 or not finite.
    pub const fn factor(mut self, factor: f64) -> Self {
        self.factor = Factor::literal(factor);
        self
    }

    /// The longest pause.
    pub const fn cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// How pauses are varied.
    pub const fn jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// The pauses, one after another, for ever. Random numbers are the thread's own.
    #[must_use]
    pub fn delays(&self) -> Delays {
        Delays {
            backoff: *self,
            attempt: 0,
            previous: self.base,
            rng: Rng::new(),
        }
    }

    /// The pause after attempt `attempt` (from 1), `scale` times as long as usual before jitter.
    pub(crate) fn pause(
        &self,
        attempt: u32,
        previous: Duration,
        scale: f64,
        rng: &mut Rng,
    ) -> Duration {
        let unjittered = unjittered_pause(self.base, self.factor, self.cap, attempt);
        let scaled = scale_within(unjittered, scale, self.cap);
        let varied = match self.jitter {
            Jitter::Full => up_to(scaled, rng),
            Jitter::Equal => scaled / 2 + up_to(scaled / 2, rng),
            Jitter::Decorrelated => self.decorrelated(previous, scale, rng),
            Jitter::Ratio(ratio) => around(
                scaled,
                scale_within(scaled, ratio.get(), Duration::MAX),
                rng,
            ),
            Jitter::Within(spread) => around(scaled, spread, rng),
            _ => scaled,
        };
        varied.min(self.cap)
    }

    fn decorrelated(&self, previous: Duration, scale: f64, rng: &mut Rng) -> Duration {
        let most = previous.saturating_mul(3).max(self.base);
        let pause = self.base + up_to(most.saturating_sub(self.base), rng);
        scale_within(pause, scale, self.cap)
    }

    pub(crate) const fn longest(&self) -> Duration {
        self.cap
    }

    pub(crate) const fn first(&self) -> Duration {
        self.base
    }
}

fn scale_within(pause: Duration, scale: f64, cap: Duration) -> Duration {
    Duration::try_from_secs_f64(pause.as_secs_f64() * scale)
        .unwrap_or(cap)
        .min(cap)
}

fn up_to(most: Duration, rng: &mut Rng) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos(rng.u64(0..=nanos))
}

/// Uniform in `pause ± spread`, not below zero.
fn around(pause: Duration, spread: Duration, rng: &mut Rng) -> Duration {
    let least = pause.saturating_sub(spread);
    let most = pause.saturating_add(spread);
    least.saturating_add(up_to(most.saturating_sub(least), rng))
}

/// The pauses of a [`Backoff`], from [`Backoff::delays`].
#[derive(Clone, Debug)]
pub struct Delays {
    backoff: Backoff,
    attempt: u32,
    previous: Duration,
    rng: Rng,
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.attempt = self.attempt.saturating_add(1);
        self.previous = self
            .backoff
            .pause(self.attempt, self.previous, 1.0, &mut self.rng);
        Some(self.previous)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use steadfast_options::Ratio;

    const SECOND: Duration = Duration::from_secs(1);

    fn sample(jitter: Jitter) -> Vec<Duration> {
        Backoff::new(SECOND)
            .jitter(jitter)
            .delays()
            .take(500)
            .collect()
    }

    #[test]
    fn attempt_1000_with_a_base_of_a_day_is_the_cap() {
        let day = SECOND * 86_400;
        let backoff = Backoff::new(day).jitter(Jitter::None);
        assert_eq!(backoff.delays().nth(999), Some(day));
        let rare = backoff.cap(Duration::MAX).delays().nth(999).unwrap();
        assert_eq!(rare, Duration::MAX);
    }

    #[test]
    fn a_ratio_stays_within_its_share() {
        let pauses = Backoff::new(SECOND)
            .factor(1.0)
            .jitter(Jitter::Ratio(Ratio::literal(0.25)));
        for pause in pauses.delays().take(1000) {
            assert!(
                pause >= SECOND * 3 / 4 && pause <= SECOND * 5 / 4,
                "{pause:?}"
            );
        }
    }

    #[test]
    fn the_cap_holds_after_jitter() {
        for jitter in [
            Jitter::Within(SECOND * 50),
            Jitter::Decorrelated,
            Jitter::Full,
        ] {
            assert!(
                sample(jitter).iter().all(|&pause| pause <= SECOND * 60),
                "{jitter:?}"
            );
        }
    }

    #[test]
    fn equal_keeps_half_and_decorrelated_the_base() {
        assert!(
            sample(Jitter::Equal)[10..]
                .iter()
                .all(|&pause| pause >= SECOND * 30)
        );
        let decorrelated = sample(Jitter::Decorrelated);
        assert!(decorrelated.iter().all(|&pause| pause >= SECOND));
        assert!(
            decorrelated
                .windows(2)
                .all(|two| two[1] <= (two[0] * 3).min(SECOND * 60))
        );
    }

    #[test]
    fn full_reaches_both_halves() {
        let pauses = sample(Jitter::Full);
        assert!(pauses[10..].iter().any(|&pause| pause < SECOND * 30));
        assert!(pauses[10..].iter().any(|&pause| pause > SECOND * 30));
    }
}
