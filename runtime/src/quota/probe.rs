//! When a store that is out of reach is tried again, and when it is believed to be back: pure.

use std::time::Duration;

/// After one success, how long until the next must come.
const SECOND_AFTER: Duration = Duration::from_millis(50);

/// Where the probing stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Probing {
    /// The last one failed, or there was none.
    #[default]
    Failing,
    /// One was answered.
    Once,
}

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    ProbeIn(Duration),
    /// It is back.
    Back,
}

impl Probing {
    /// How long until an outage's first probe. After a store was there for longer than `every` it is tried
    /// at once: it may have been late with one answer only, and whoever goes on by itself meanwhile takes
    /// tokens that the others take too. One that comes and goes is tried at the usual pace. `well_for` is
    /// none where there was no outage before.
    pub(crate) fn first(well_for: Option<Duration>, every: Duration, random: f64) -> Duration {
        match well_for {
            Some(time) if time < every => Self::pause(every, random),
            _ => Duration::ZERO,
        }
    }

    /// How long until the next probe: `every`, 20 % more or less, so that a fleet does not ask in step.
    /// `random` is uniform in 0..1.
    fn pause(every: Duration, random: f64) -> Duration {
        every.mul_f64(0.8 + 0.4 * random)
    }

    /// After a probe: two that are answered in a row end the outage.
    pub(crate) fn after(&mut self, answered: bool, every: Duration, random: f64) -> Next {
        match (answered, *self) {
            (true, Self::Once) => {
                *self = Self::Failing;
                Next::Back
            }
            (true, Self::Failing) => {
                *self = Self::Once;
                Next::ProbeIn(SECOND_AFTER)
            }
            (false, _) => {
                *self = Self::Failing;
                Next::ProbeIn(Self::pause(every, random))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(5);

    #[test]
    fn two_answers_in_a_row_50_ms_apart_end_the_outage() {
        let mut probing = Probing::default();
        let soon = Next::ProbeIn(Duration::from_millis(50));
        assert_eq!(probing.after(true, EVERY, 0.5), soon);
        assert_eq!(probing.after(false, EVERY, 0.5), Next::ProbeIn(EVERY));
        assert_eq!(probing.after(true, EVERY, 0.5), soon);
        assert_eq!(probing.after(true, EVERY, 0.5), Next::Back);
        // The next outage begins afresh.
        assert_eq!(probing.after(true, EVERY, 0.5), soon);
    }

    #[test]
    fn a_store_that_was_well_is_tried_at_once_and_one_that_comes_and_goes_is_not() {
        let first = |well_for| Probing::first(well_for, EVERY, 0.5);
        assert_eq!(first(None), Duration::ZERO);
        assert_eq!(first(Some(EVERY)), Duration::ZERO);
        assert_eq!(first(Some(Duration::from_nanos(4_999_999_999))), EVERY);
    }

    #[test]
    fn pauses_lie_a_fifth_around_what_is_said() {
        let mut rng = fastrand::Rng::with_seed(3);
        let pauses: Vec<_> = (0..10_000)
            .map(|_| Probing::pause(EVERY, rng.f64()))
            .collect();
        let (least, most) = (pauses.iter().min().unwrap(), pauses.iter().max().unwrap());
        let millis = |ms| Duration::from_millis(ms);
        assert!((millis(4_000)..millis(4_010)).contains(least), "{least:?}");
        assert!((millis(5_990)..millis(6_000)).contains(most), "{most:?}");
    }
}
