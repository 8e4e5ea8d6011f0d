//! A server's clock that jumps by an hour.

use crate::stores::on_each_store;
use steadfast_protocol_tests::breaker::{CLOSED, HALF_OPEN, OPEN, Rules, SECOND};

const HOUR: u64 = 3600 * SECOND;

#[test]
fn back_an_open_breaker_is_due_after_its_longest_open_time_at_most() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.fail("a0", 5);
        breaker.set_time(breaker.now() - HOUR);
        assert_eq!(breaker.read().remaining, 30_000_000);
        breaker.pass(10 * SECOND);
        assert_eq!(
            breaker.read().remaining,
            20_000_000,
            "looking at it does not hold it up"
        );
        breaker.pass(20 * SECOND);
        assert_eq!(breaker.acquire("a0").state, HALF_OPEN);
    });
}

#[test]
fn back_epochs_still_rise() {
    on_each_store(&Rules::default(), |breaker| {
        let opened = breaker.fail("a0", 5);
        breaker.set_time(breaker.now() - HOUR);
        assert_eq!(breaker.steer("reset").epoch, opened.epoch + 1);
    });
}

#[test]
fn back_a_lease_ends_after_the_probe_timeout_at_most() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.open_and_due();
        breaker.acquire("a0");
        breaker.acquire("a0");
        breaker.set_time(breaker.now() - HOUR);
        assert_eq!(breaker.acquire("b0").extra, "");
        breaker.pass(30 * SECOND);
        assert_ne!(breaker.acquire("b0").extra, "");
    });
}

#[test]
fn back_counts_of_the_hour_to_come_do_not_count_then_or_later() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.fail("a0", 4);
        let before = breaker.now();
        breaker.set_time(before - HOUR);
        let answer = breaker.fail("a0", 1);
        // Its sequence numbers are times here, so this batch is a new instance's.
        assert_eq!(answer.extra, "2");
        let answer = breaker.fail("b0", 1);
        assert_eq!((answer.state, answer.failures), (CLOSED, 1));
        breaker.set_time(before);
        assert_eq!(breaker.read().failures, 0);
    });
}

#[test]
fn forward_it_is_due_early_and_probes_stay_bounded() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.fail("a0", 5);
        breaker.pass(HOUR / 2);
        let tokens: Vec<_> = (0..20).map(|_| breaker.acquire("a0").extra).collect();
        assert_eq!(tokens.iter().filter(|token| !token.is_empty()).count(), 2);
        assert_eq!(breaker.probed(&tokens[0], "failed").state, OPEN);
    });
}
