use crate::stores::{Breaker, on_each_store};
use steadfast_protocol_tests::breaker::{Rules, SECOND};

fn seconds_left(breaker: &Breaker<'_>, key: &str) -> i64 {
    let left = breaker
        .store
        .command(&["PTTL", &breaker.key(key)])
        .int()
        .unwrap();
    // A real server's own clock goes on between two commands.
    (left + 999) / 1000
}

#[test]
fn each_write_keeps_all_keys_for_an_hour() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.fail("a0", 1);
        for key in ["s", "w", "q", "f"] {
            assert_eq!(seconds_left(breaker, key), 3600, "{key}");
        }
    });
}

#[test]
fn long_open_times_and_windows_keep_them_longer() {
    let (day, hour) = (24 * 3600, 3600);
    let cases = [
        (hour, 1.0, day, 60, 4 * hour),
        (hour, 2.0, day, 60, 4 * day),
        (30, 1.0, 300, 3 * hour, 6 * hour),
    ];
    for (recovery, recovery_factor, max, window, expected) in cases {
        let rules = Rules {
            recovery: recovery * SECOND,
            recovery_factor,
            recovery_max: max * SECOND,
            window: window * SECOND,
            ..Rules::default()
        };
        on_each_store(&rules, |breaker| {
            breaker.fail("a0", 1);
            assert_eq!(seconds_left(breaker, "s"), expected.cast_signed());
        });
    }
}

#[test]
fn a_lock_has_no_expiry_and_what_follows_it_has_one() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.fail("a0", 5);
        breaker.steer("force_open");
        assert_eq!(
            breaker.store.command(&["PTTL", &breaker.key("s")]).int(),
            Some(-1)
        );
        breaker.steer("release");
        assert_eq!(seconds_left(breaker, "s"), 3600);
    });
}

#[test]
fn instances_that_are_long_gone_are_forgotten() {
    on_each_store(&Rules::default(), |breaker| {
        for instance in 0..50 {
            breaker.record(
                0,
                &format!("{instance:016x}"),
                1,
                [1, u64::from(instance == 0), 0],
            );
        }
        breaker.pass(61 * SECOND);
        breaker.record(0, "ff", 1, [1, 1, 0]);
        assert_eq!(
            breaker.fields("q").len(),
            51,
            "a repeated batch may still come"
        );
        breaker.pass(60 * SECOND);
        breaker.record(0, "ff", 2, [1, 1, 0]);
        assert_eq!(breaker.fields("q").len(), 1);
        assert_eq!(breaker.fields("f").len(), 1);
    });
}
