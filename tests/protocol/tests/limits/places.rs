//! Places on leases.

use super::{ENTER, HOLD, KEY, Limits, SECOND};

const LEASE: &str = "30000000";

impl Limits {
    /// How many of them entered, and until when the next lease lasts.
    fn enter(&self, max: &str, members: &[&str]) -> (i64, i64) {
        let count = members.len().to_string();
        let args = [&[max, LEASE, &count], members].concat();
        let reply = self.run(ENTER, &args);
        let [entered, next] = reply.items() else {
            panic!("{reply:?}")
        };
        (entered.int().unwrap(), next.int().unwrap())
    }

    fn hold(&self, members: &[&str]) {
        let count = members.len().to_string();
        self.run(HOLD, &[&[LEASE, &count], members].concat());
    }
}

#[test]
fn as_many_enter_as_there_are_places_the_first_first() {
    let limits = Limits::new();
    assert_eq!(limits.enter("3", &["a:1", "a:2"]), (2, 30_000_000));
    limits.pass(SECOND);
    assert_eq!(limits.enter("3", &["b:1", "b:2"]), (1, 29_000_000));
    assert_eq!(limits.command(&["ZSCORE", KEY, "b:2"]).text(), "");
    limits.command(&["ZREM", KEY, "a:1"]);
    assert_eq!(limits.enter("3", &["b:2"]).0, 1);
}

#[test]
fn who_is_not_heard_of_gives_his_place_up_and_who_is_keeps_it() {
    let limits = Limits::new();
    limits.enter("2", &["dead:1", "alive:1"]);
    for _ in 0..3 {
        limits.pass(10 * SECOND);
        limits.hold(&["alive:1"]);
    }
    assert_eq!(limits.enter("2", &["b:1", "b:2"]).0, 1);
}

#[test]
fn who_was_forgotten_is_inside_again_and_nobody_enters_before_there_is_room() {
    let limits = Limits::new();
    limits.enter("2", &["a:1", "a:2"]);
    limits.command(&["FLUSHALL"]);
    assert_eq!(limits.enter("2", &["b:1"]).0, 1);
    limits.hold(&["a:1", "a:2"]);
    assert_eq!(limits.enter("2", &["b:2"]).0, 0);
    let left = limits.command(&["PTTL", KEY]).int().unwrap();
    assert!((29_000..=31_000).contains(&left), "{left}");
}

#[test]
fn a_clock_that_is_set_back_makes_no_lease_longer_than_a_lease() {
    let limits = Limits::new();
    limits.enter("1", &["a:1"]);
    limits.now.set(limits.now.get() - 3600 * SECOND);
    assert_eq!(limits.enter("1", &["b:1"]), (0, 30_000_000));
    limits.pass(30 * SECOND);
    assert_eq!(limits.enter("1", &["b:1"]).0, 1);
}
