//! Whether a limit was kept, in every window there is.

use super::node::Told;

/// When tokens were taken, by all, in order, in microseconds.
pub(super) fn merged(told: &[Told]) -> Vec<u64> {
    let mut all: Vec<u64> = told
        .iter()
        .flat_map(|told| told.taken.iter().copied())
        .collect();
    all.sort_unstable();
    all
}

/// By how many tokens the worst window `W` is above `burst + rate × W`: the level of a bucket that leaks at the
/// rate, over all of the time.
pub(super) fn excess(taken: &[u64], burst: f64, per_second: f64) -> f64 {
    let (mut level, mut last, mut worst) = (0.0_f64, 0, f64::MIN);
    for &time in taken {
        level = (level - (time - last) as f64 / 1e6 * per_second).max(0.0) + 1.0;
        worst = worst.max(level - burst);
        last = time;
    }
    worst
}

/// The most in any window of so many microseconds.
pub(super) fn most_in(taken: &[u64], window: u64) -> usize {
    let (mut first, mut most) = (0, 0);
    for (place, &time) in taken.iter().enumerate() {
        while time - taken[first] >= window {
            first += 1;
        }
        most = most.max(place - first + 1);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_what_flows_in_is_no_excess_and_one_more_is() {
        let mut taken = vec![0; 10];
        taken.extend((1..=10).map(|number| number * 100_000));
        assert!(excess(&taken, 10.0, 10.0).abs() < 1e-6);
        taken.insert(10, 0);
        assert!((excess(&taken, 10.0, 10.0) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_fullest_window_is_found() {
        assert_eq!(most_in(&[0, 5, 9, 10, 20], 10), 3);
        assert_eq!(most_in(&[0, 10, 20], 10), 1);
    }
}
