//! When a service is well again, as its customers see it: pure arithmetic.

use std::time::Duration;

/// The grain of time in which arrivals are counted.
pub(super) const GRAIN: Duration = Duration::from_millis(100);
/// A stretch is healthy when everyone who arrived in it was served in full, promptly.
pub const STRETCH: Duration = Duration::from_secs(1);
/// A checkout that takes longer than this is not prompt.
pub const PROMPT: Duration = Duration::from_secs(1);

/// The customers who arrived within one tenth of a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bucket {
    /// All of them.
    pub arrived: u32,
    /// Those served in full, promptly.
    pub healthy: u32,
}

/// The time from `well_again` (the end of the last sickness) to the first healthy stretch; none
/// where there was none.
#[must_use]
pub fn recovery(buckets: &[Bucket], well_again: Duration) -> Option<Duration> {
    let first = well_again.as_millis().div_ceil(GRAIN.as_millis()) as usize;
    let width = (STRETCH.as_millis() / GRAIN.as_millis()) as usize;
    let healthy = |stretch: &[Bucket]| {
        let arrived: u32 = stretch.iter().map(|bucket| bucket.arrived).sum();
        arrived > 0
            && stretch
                .iter()
                .all(|bucket| bucket.healthy == bucket.arrived)
    };
    let after = buckets.get(first..)?;
    let index = after.windows(width).position(healthy)?;
    let start = GRAIN * (first + index) as u32;
    Some(start.saturating_sub(well_again))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: Bucket = Bucket {
        arrived: 4,
        healthy: 4,
    };
    const SICK: Bucket = Bucket {
        arrived: 4,
        healthy: 3,
    };

    fn after(buckets: &[(usize, Bucket)], well_again_ms: u64) -> Option<u64> {
        let buckets: Vec<Bucket> = buckets
            .iter()
            .flat_map(|(count, bucket)| vec![*bucket; *count])
            .collect();
        let recovered = recovery(&buckets, Duration::from_millis(well_again_ms));
        recovered.map(|recovered| recovered.as_millis() as u64)
    }

    #[test]
    fn a_service_that_is_well_at_once_recovers_in_no_time() {
        assert_eq!(after(&[(20, SICK), (20, WELL)], 2000), Some(0));
    }

    #[test]
    fn one_bad_customer_breaks_the_stretch() {
        assert_eq!(
            after(&[(20, SICK), (5, WELL), (1, SICK), (10, WELL)], 2000),
            Some(600)
        );
    }

    #[test]
    fn health_before_the_end_of_the_sickness_does_not_count() {
        assert_eq!(
            after(&[(15, WELL), (5, SICK), (10, WELL)], 1000),
            Some(1000)
        );
    }

    #[test]
    fn a_stretch_that_the_run_cuts_short_is_none() {
        assert_eq!(after(&[(20, SICK), (9, WELL)], 2000), None);
        assert_eq!(after(&[(5, SICK)], 2000), None);
    }

    #[test]
    fn a_second_without_customers_proves_nothing() {
        assert_eq!(after(&[(30, Bucket::default())], 0), None);
        let seldom = [(1, WELL), (9, Bucket::default())];
        assert_eq!(after(&seldom, 0), Some(0));
    }

    #[test]
    fn the_stretch_starts_at_a_whole_grain() {
        assert_eq!(after(&[(30, WELL)], 1050), Some(50));
    }
}
