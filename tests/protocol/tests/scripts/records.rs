use crate::stores::{Breaker, START, on_each_store};
use steadfast_protocol_tests::breaker::{CLOSED, OPEN, Rules, SECOND};

#[test]
fn a_breaker_that_is_not_stored_is_closed_in_epoch_0() {
    on_each_store(&Rules::default(), |breaker| {
        let answer = breaker.read();
        assert_eq!((answer.state, answer.epoch, answer.calls), (CLOSED, 0, 0));
        assert!(breaker.fields("s").is_empty(), "reading stores nothing");
        assert_eq!(
            breaker.record(0, "a0", 1, [1, 1, 0]).extra,
            "1",
            "and its epoch is valid"
        );
    });
}

#[test]
fn failures_of_all_instances_count_together_and_open_at_the_threshold() {
    on_each_store(&Rules::default(), |breaker| {
        for (instance, failures) in [("a0", 2), ("b0", 1), ("c0", 1)] {
            assert_eq!(breaker.fail(instance, failures).state, CLOSED);
        }
        let answer = breaker.fail("d0", 1);
        assert_eq!(
            (answer.state, answer.opens, answer.remaining),
            (OPEN, 1, 30_000_000)
        );
        assert_eq!(
            answer.epoch,
            START.cast_signed(),
            "an epoch is the time it began"
        );
        assert_eq!(
            (answer.failures, answer.calls),
            (5, 5),
            "what opened it is shown"
        );
        for key in ["w", "q", "f"] {
            assert!(
                breaker.fields(key).is_empty(),
                "a transition starts a fresh window: {key}"
            );
        }
    });
}

#[test]
fn a_batch_counts_once_whatever_comes_of_its_replies() {
    on_each_store(&Rules::default(), |breaker| {
        let batch = |seq| breaker.record(0, "a0", seq, [1, 1, 0]);
        assert_eq!(batch(7).extra, "1");
        assert_eq!(batch(7).extra, "2", "sent again");
        assert_eq!(batch(6).extra, "2", "one that was overtaken");
        assert_eq!(batch(8).extra, "1");
        assert_eq!(breaker.read().failures, 2);
        assert_eq!(
            breaker.record(0, "b0", 1, [1, 1, 0]).extra,
            "1",
            "each counts its own"
        );
    });
}

#[test]
fn results_of_another_epoch_are_void() {
    on_each_store(&Rules::default(), |breaker| {
        let opened = breaker.fail("a0", 5);
        for seq in 2..1002 {
            let late = breaker.record(0, "b0", seq, [9, 9, 0]);
            assert_eq!((late.extra.as_str(), late.epoch), ("0", opened.epoch));
        }
        let reset = breaker.steer("reset");
        assert_eq!(
            breaker.record(opened.epoch, "b0", 2000, [9, 9, 0]).extra,
            "0"
        );
        assert_eq!(
            breaker.record(reset.epoch + 1, "b0", 2001, [9, 9, 0]).extra,
            "0",
            "nor a later one"
        );
        let answer = breaker.read();
        assert_eq!(
            (answer.state, answer.epoch, answer.failures),
            (CLOSED, reset.epoch, 0)
        );
    });
}

#[test]
fn a_rate_opens_once_there_are_enough_calls() {
    let rules = Rules {
        failures: 0,
        failure_rate: 0.5,
        min_calls: 10,
        ..Rules::default()
    };
    on_each_store(&rules, |breaker| {
        assert_eq!(
            breaker.record(0, "a0", 1, [5, 5, 0]).state,
            CLOSED,
            "too few calls"
        );
        assert_eq!(
            breaker.record(0, "a0", 2, [6, 0, 0]).state,
            CLOSED,
            "5 of 11"
        );
        assert_eq!(breaker.record(0, "b0", 1, [1, 1, 0]).state, OPEN, "6 of 12");
    });
}

#[test]
fn a_success_that_completes_the_calls_can_open() {
    let rules = Rules {
        failures: 0,
        failure_rate: 0.3,
        ..Rules::default()
    };
    on_each_store(&rules, |breaker| {
        assert_eq!(breaker.record(0, "a0", 1, [4, 2, 0]).state, CLOSED);
        assert_eq!(breaker.record(0, "b0", 1, [1, 0, 0]).state, OPEN);
    });
}

#[test]
fn slow_calls_open_by_their_own_rate() {
    let rules = Rules {
        failures: 0,
        slow_rate: 1.0,
        ..Rules::default()
    };
    on_each_store(&rules, |breaker| {
        assert_eq!(breaker.record(0, "a0", 1, [4, 4, 4]).state, CLOSED);
        let answer = breaker.record(0, "b0", 1, [1, 0, 1]);
        assert_eq!(
            (answer.state, answer.failures, answer.calls, answer.slow),
            (OPEN, 4, 5, 5)
        );
    });
}

#[test]
fn the_open_time_grows_with_each_opening_in_a_row_up_to_its_bound() {
    let rules = Rules {
        recovery_factor: 3.0,
        recovery_max: 200 * SECOND,
        close_after: 1,
        ..Rules::default()
    };
    let probe = |breaker: &Breaker<'_>, outcome| {
        let token = breaker.acquire("a0").extra;
        breaker.probed(&token, outcome)
    };
    on_each_store(&rules, |breaker| {
        let mut answer = breaker.fail("a0", 5);
        for (opens, seconds) in [(1, 30), (2, 90), (3, 200), (4, 200)] {
            assert_eq!(
                (answer.opens, answer.remaining),
                (opens, seconds * 1_000_000)
            );
            breaker.pass(seconds as u64 * SECOND);
            answer = probe(breaker, "failed");
        }
        breaker.pass(200 * SECOND);
        assert_eq!(probe(breaker, "ok").opens, 0);
        assert_eq!(
            breaker.fail("a0", 5).remaining,
            30_000_000,
            "and begins anew once closed"
        );
    });
}

#[test]
fn each_transition_is_a_new_epoch_even_within_one_microsecond() {
    on_each_store(&Rules::default(), |breaker| {
        let epochs: Vec<_> = (0..5).map(|_| breaker.steer("reset").epoch).collect();
        let expected: Vec<_> = (0..5).map(|more| START.cast_signed() + more).collect();
        assert_eq!(epochs, expected);
    });
}
