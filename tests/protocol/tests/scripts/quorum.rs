use crate::stores::on_each_store;
use steadfast_protocol_tests::breaker::{CLOSED, OPEN, Rules, SECOND};

fn of_two() -> Rules {
    Rules {
        quorum: 2,
        ..Rules::default()
    }
}

#[test]
fn one_bad_node_does_not_open_it_for_the_fleet() {
    on_each_store(&of_two(), |breaker| {
        assert_eq!(breaker.fail("a0", 500).state, CLOSED);
        assert_eq!(
            breaker.record(0, "b0", 1, [100, 0, 0]).state,
            CLOSED,
            "b0 saw none"
        );
        assert_eq!(breaker.fail("b0", 1).state, OPEN);
    });
}

#[test]
fn failures_of_an_instance_are_forgotten_with_the_window() {
    on_each_store(&of_two(), |breaker| {
        breaker.fail("a0", 5);
        breaker.pass(60 * SECOND);
        assert_eq!(breaker.fail("b0", 5).state, CLOSED);
        assert_eq!(breaker.fail("a0", 1).state, OPEN);
    });
}

#[test]
fn slow_calls_are_seen_by_an_instance_as_failures_are() {
    let rules = Rules {
        failures: 0,
        slow_rate: 0.5,
        ..of_two()
    };
    on_each_store(&rules, |breaker| {
        assert_eq!(breaker.record(0, "a0", 1, [9, 0, 9]).state, CLOSED);
        assert_eq!(breaker.record(0, "b0", 1, [1, 0, 1]).state, OPEN);
    });
}

#[test]
fn a_clock_that_went_back_adds_no_instances() {
    on_each_store(&of_two(), |breaker| {
        breaker.fail("a0", 5);
        breaker.set_time(breaker.now() - 3600 * SECOND);
        assert_eq!(
            breaker.fail("b0", 5).state,
            CLOSED,
            "a0 failed an hour from now"
        );
    });
}
