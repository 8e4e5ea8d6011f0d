use crate::stores::{START, on_each_store};
use steadfast_protocol_tests::breaker::{
    CLOSED, DISABLED, FORCED_OPEN, HALF_OPEN, OPEN, Rules, SECOND,
};

const EPOCH: i64 = START.cast_signed() - 5_000_000;

#[test]
fn an_instance_restores_what_the_server_lost_under_the_same_epoch() {
    on_each_store(&Rules::default(), |breaker| {
        let opened = breaker.fail("a0", 5);
        breaker.pass(10 * SECOND);
        let _ = breaker.store.command(&["FLUSHALL"]);
        assert_eq!(breaker.read().epoch, 0);
        let answer = breaker.restore(opened.epoch, OPEN, 20 * SECOND, 1, "");
        assert_eq!(
            (answer.extra.as_str(), answer.state, answer.epoch),
            ("1", OPEN, opened.epoch)
        );
        assert_eq!((answer.remaining, answer.opens), (20_000_000, 1));
        assert_eq!(
            breaker
                .restore(opened.epoch, OPEN, 20 * SECOND, 1, "")
                .extra,
            "0",
            "only once"
        );
    });
}

#[test]
fn nothing_is_restored_over_the_same_or_a_later_epoch() {
    on_each_store(&Rules::default(), |breaker| {
        let opened = breaker.fail("a0", 5);
        for epoch in [0, 1, opened.epoch - 1, opened.epoch] {
            let answer = breaker.restore(epoch, CLOSED, 0, 0, "");
            assert_eq!(
                (answer.extra.as_str(), answer.state),
                ("0", OPEN),
                "{epoch}"
            );
        }
    });
}

#[test]
fn a_due_open_state_stays_open_with_nothing_left() {
    on_each_store(&Rules::default(), |breaker| {
        let answer = breaker.restore(EPOCH, OPEN, 0, 3, "");
        assert_eq!((answer.state, answer.remaining, answer.opens), (OPEN, 0, 3));
        let probe = breaker.acquire("a0");
        assert_eq!(probe.state, HALF_OPEN);
        assert!(probe.epoch > EPOCH);
        assert_eq!(breaker.probed(&probe.extra, "failed").opens, 4);
    });
}

#[test]
fn what_remains_is_never_more_than_the_longest_open_time() {
    on_each_store(&Rules::default(), |breaker| {
        assert_eq!(
            breaker.restore(EPOCH, OPEN, 999 * SECOND, 1, "").remaining,
            30_000_000
        );
    });
}

#[test]
fn locks_are_restored_and_last() {
    for (lock, state) in [("forced_open", FORCED_OPEN), ("disabled", DISABLED)] {
        on_each_store(&Rules::default(), |breaker| {
            let answer = breaker.restore(EPOCH, CLOSED, 0, 0, lock);
            assert_eq!((answer.state, answer.lock.as_str()), (state, lock));
            let ttl = breaker.store.command(&["PTTL", &breaker.key("s")]);
            assert_eq!(ttl.int(), Some(-1));
            assert_eq!(breaker.steer("release").state, CLOSED);
        });
    }
}

#[test]
fn leases_lost_with_the_data_are_waited_for() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.open_and_due();
        let half_open = breaker.acquire("a0");
        let _ = breaker.store.command(&["FLUSHALL"]);
        assert_eq!(
            breaker.restore(half_open.epoch, HALF_OPEN, 0, 1, "").state,
            HALF_OPEN
        );
        assert_eq!(
            breaker.acquire("b0").extra,
            "",
            "a0's probe may still be out"
        );
        breaker.pass(30 * SECOND);
        let next = breaker.acquire("b0");
        assert_eq!(next.epoch, half_open.epoch);
        assert_ne!(next.extra, half_open.extra, "no token is handed out twice");
        assert_eq!(breaker.probed(&half_open.extra, "failed").state, HALF_OPEN);
    });
}

#[test]
fn a_new_epoch_after_data_loss_is_later_than_any_before() {
    on_each_store(&Rules::default(), |breaker| {
        let before = (0..1000)
            .map(|_| breaker.steer("reset").epoch)
            .last()
            .unwrap();
        let _ = breaker.store.command(&["FLUSHALL"]);
        breaker.pass(1000);
        assert!(breaker.fail("a0", 5).epoch >= before);
    });
}

#[test]
fn restoring_clears_the_counts_of_the_epoch_that_it_replaces() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.record(0, "a0", 1, [4, 4, 0]);
        breaker.restore(EPOCH, CLOSED, 0, 0, "");
        assert_eq!(breaker.record(EPOCH, "a0", 1, [1, 1, 0]).state, CLOSED);
        assert_eq!(breaker.read().failures, 1);
    });
}
