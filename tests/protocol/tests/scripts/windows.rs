use crate::stores::{Breaker, on_each_store};
use steadfast_protocol_tests::breaker::{CLOSED, OPEN, Rules, SECOND};

#[test]
fn the_window_is_the_current_bucket_and_the_nine_before() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.fail("a0", 1);
        breaker.pass(54 * SECOND);
        assert_eq!(breaker.fail("a0", 1).failures, 2);
        breaker.pass(6 * SECOND);
        assert_eq!(breaker.fail("a0", 1).failures, 2, "the first is out");
        assert!(breaker.fields("w").len() <= 10);
    });
}

#[test]
fn a_bucket_is_used_again_after_a_window() {
    on_each_store(&Rules::default(), |breaker| {
        for _ in 0..50 {
            assert!(breaker.fail("a0", 1).failures <= 4);
            breaker.pass(20 * SECOND);
        }
        assert!(breaker.fields("w").len() <= 10);
    });
}

#[test]
fn thresholds_may_change_between_calls() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.fail("a0", 3);
        assert_eq!(
            breaker.with(|rules| rules.failures = 9).fail("b0", 1).state,
            CLOSED
        );
        assert_eq!(
            breaker.with(|rules| rules.failures = 4).read().state,
            CLOSED,
            "a look opens nothing"
        );
        assert_eq!(
            breaker.with(|rules| rules.failures = 2).fail("a1", 1).state,
            OPEN
        );
    });
}

#[test]
fn instances_with_windows_of_two_lengths_count_together() {
    on_each_store(&Rules::default(), |breaker| {
        let others = breaker.with(|rules| rules.window = 70 * SECOND);
        for step in 0..4 {
            let teller: &Breaker<'_> = if step % 2 == 0 { breaker } else { &others };
            teller.set_time(breaker.now());
            assert_eq!(teller.fail("a0", 1).failures, step + 1);
            breaker.pass(SECOND);
        }
        // What was counted long ago does not stay because two keep moving it about.
        for step in 0..120 {
            let teller: &Breaker<'_> = if step % 2 == 0 { breaker } else { &others };
            teller.set_time(breaker.now());
            let counts = [1, 0, 0];
            let (epoch, seq) = (breaker.read().epoch, breaker.now());
            let answer = teller.record(epoch, "b0", seq, counts);
            assert_eq!(answer.failures, if step < 50 { 4 } else { answer.failures });
            breaker.pass(SECOND);
        }
        assert_eq!(breaker.read().failures, 0);
    });
}

#[test]
fn a_window_that_gets_longer_keeps_what_is_counted() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.fail("a0", 4);
        breaker.pass(30 * SECOND);
        let longer = breaker.with(|rules| rules.window = 600 * SECOND);
        let answer = longer.fail("a0", 1);
        assert_eq!((answer.state, answer.failures), (OPEN, 5));
    });
}
