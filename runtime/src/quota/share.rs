//! One instance's part of a limit, while each is on its own: pure.

use super::{Counting, Nanos};

/// The part of one of so many instances: all parts together are no more than the whole, but where there
/// are more instances than tokens, since each has one.
pub(crate) fn of(counting: Counting, instances: u32) -> Counting {
    let instances = instances.max(1);
    match counting {
        Counting::Bucket {
            interval,
            tolerance,
            ..
        } => {
            let slower = interval.saturating_mul(instances.into());
            let tokens = (tolerance / interval / Nanos::from(instances)).max(1);
            Counting::Bucket {
                interval: slower,
                tolerance: slower.saturating_mul(tokens).min(Nanos::MAX / 2),
                lease: None,
            }
        }
        Counting::Window { max, per } => Counting::Window {
            max: (max / instances).max(1),
            per,
        },
    }
}

/// Places of one instance.
pub(crate) fn of_places(max: u32, instances: u32) -> u32 {
    (max / instances.max(1)).max(1)
}

/// The most tokens there can be.
pub(crate) fn most(counting: Counting) -> u32 {
    match counting {
        Counting::Bucket {
            interval,
            tolerance,
            ..
        } => u32::try_from(tolerance / interval).unwrap_or(u32::MAX),
        Counting::Window { max, .. } => max,
    }
}

/// How many tokens an instance begins with on its own.
///
/// Of an account that it knows, its part of what was left when it was last told (beside what it holds of
/// a lease, which is paid for): no burst at the switch. One that it has never heard of is most likely new:
/// its part is whole.
pub(crate) fn first(part: Counting, left: Option<u32>, instances: u32) -> u32 {
    let most = most(part);
    left.map_or(most, |left| (left / instances.max(1)).min(most))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    fn bucket(max: u64, per: Nanos, burst: u64) -> Counting {
        let interval = per.div_ceil(max);
        Counting::Bucket {
            interval,
            tolerance: interval * burst,
            lease: None,
        }
    }

    #[test]
    fn all_parts_together_are_no_more_than_the_whole() {
        for instances in 1..40 {
            for (max, burst) in [(100, 100), (7, 50), (1000, 41), (40, 40)] {
                let Counting::Bucket { interval, .. } = of(bucket(max, SECOND, burst), instances)
                else {
                    panic!("a bucket's part is a bucket")
                };
                assert!(u64::from(instances) * SECOND / interval <= max);
                let parts = most(of(bucket(max, SECOND, burst), instances)) * instances;
                assert!(u64::from(parts) <= burst, "{instances} of {burst}");
                let window = Counting::Window {
                    max: 40,
                    per: SECOND,
                };
                assert!(most(of(window, instances)) * instances <= 40);
            }
        }
    }

    #[test]
    fn each_of_too_many_instances_has_one() {
        assert_eq!(most(of(bucket(3, SECOND, 3), 10)), 1);
        assert_eq!(
            most(of(
                Counting::Window {
                    max: 3,
                    per: SECOND
                },
                10
            )),
            1
        );
        assert_eq!(
            (of_places(3, 10), of_places(20, 4), of_places(5, 0)),
            (1, 5, 5)
        );
    }

    #[test]
    fn nobody_begins_with_more_than_was_left() {
        let part = of(bucket(100, SECOND, 100), 4);
        assert_eq!(first(part, Some(0), 4), 0);
        assert_eq!(first(part, Some(40), 4), 10);
        assert_eq!(first(part, Some(400), 4), 25);
        assert_eq!(first(part, None, 4), 25);
    }
}
