//! Sliding windows: an exact log.

use std::collections::VecDeque;

use super::{KEY, Limits, SECOND, Told, WINDOW};

/// Five in ten seconds.
const RULES: [&str; 2] = ["5", "10000000"];

impl Limits {
    fn calls(&self, want: u32, name: &str) -> Told {
        let want = want.to_string();
        self.take(WINDOW, &[RULES[0], RULES[1], &want, name])
    }
}

#[test]
fn a_window_has_room_again_as_calls_leave_it() {
    let limits = Limits::new();
    assert_eq!(limits.calls(2, "a:1").granted, 2);
    limits.pass(4 * SECOND);
    let told = limits.calls(9, "b:1");
    assert_eq!((told.granted, told.left), (3, 0));
    assert_eq!((told.wait, told.full_in), (6_000_000, 10_000_000));
    limits.pass(6 * SECOND - 1);
    assert_eq!(limits.calls(1, "a:2").granted, 0);
    limits.pass(1); // exactly one window old is out
    assert_eq!(limits.calls(9, "a:3").granted, 2);
}

#[test]
fn never_more_than_max_in_any_window_of_random_requests_at_the_same_moments() {
    let (limits, mut random) = (Limits::new(), fastrand::Rng::with_seed(5));
    let mut log: VecDeque<u64> = VecDeque::new();
    for request in 0..1_500 {
        limits.pass([0, 0, random.u64(0..4 * SECOND)][random.usize(0..3)]);
        let (now, want) = (limits.now.get(), random.u32(0..4));
        log.retain(|time| now - time < 10 * SECOND);
        let granted = want.min(5 - u32::try_from(log.len()).unwrap());
        log.extend((0..granted).map(|_| now));
        let told = limits.calls(want, &format!("a:{request}"));
        assert_eq!(told.granted, i64::from(granted));
        assert_eq!(told.left, 5 - i64::try_from(log.len()).unwrap());
    }
}

#[test]
fn a_clock_that_is_set_back_makes_nobody_wait_for_longer_than_a_window() {
    let limits = Limits::new();
    limits.calls(5, "a:1");
    limits.now.set(limits.now.get() - 3600 * SECOND);
    assert_eq!(limits.calls(1, "a:2").wait, 10_000_000);
    limits.pass(10 * SECOND);
    assert_eq!(limits.calls(9, "a:3").granted, 5);
}

#[test]
fn a_window_that_nobody_uses_ends() {
    let limits = Limits::new();
    limits.calls(1, "a:1");
    let left = limits.command(&["PTTL", KEY]).int().unwrap();
    assert!((10_000..=11_000).contains(&left), "{left}");
}
