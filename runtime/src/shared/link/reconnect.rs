//! How long to wait before the next connection: pure.

use std::time::Duration;

/// Before the second connection in a row that came to nothing.
const FIRST: Duration = Duration::from_millis(10);
/// The longest pause of a small fleet.
const LONGEST: Duration = Duration::from_millis(200);
/// New connections a second that a whole fleet may ask of Redis.
const FLEET_PER_SECOND: u32 = 2_000;
/// The longest pause of any fleet.
const LONGEST_OF_ALL: Duration = Duration::from_secs(10);

/// The pause after so many connections in a row that came to nothing, `share` of 0 to 1 being drawn
/// for each: half to all of it.
pub(super) fn pause(failures: u32, fleet: u32, share: f64) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let most = (Duration::from_secs(1) * fleet / FLEET_PER_SECOND).clamp(LONGEST, LONGEST_OF_ALL);
    let grown = FIRST.saturating_mul(1 << (failures - 1).min(16));
    grown.min(most).mul_f64(0.5 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_comes_at_once_and_later_ones_slower_up_to_a_bound() {
        assert_eq!(pause(0, 1, 1.0), Duration::ZERO);
        assert_eq!(pause(1, 1, 1.0), FIRST);
        assert_eq!(pause(3, 1, 1.0), FIRST * 4);
        assert_eq!(pause(u32::MAX, 1, 1.0), LONGEST);
        assert_eq!(pause(u32::MAX, 1, 0.0), LONGEST / 2);
    }

    #[test]
    fn a_large_fleet_comes_back_slower() {
        assert_eq!(pause(20, 10_000, 1.0), Duration::from_secs(5));
        assert_eq!(pause(20, u32::MAX, 1.0), LONGEST_OF_ALL);
    }
}
