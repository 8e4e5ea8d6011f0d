use crate::stores::on_each_store;
use steadfast_protocol_tests::breaker::{CLOSED, DISABLED, FORCED_OPEN, OPEN, Rules};

#[test]
fn a_reset_closes_with_counts_and_growth_at_zero() {
    on_each_store(&Rules::default(), |breaker| {
        let opened = breaker.fail("a0", 5);
        let answer = breaker.steer("reset");
        assert_eq!(
            (answer.state, answer.opens, answer.failures),
            (CLOSED, 0, 0)
        );
        assert!(answer.epoch > opened.epoch);
        breaker.fail("a0", 4);
        assert_eq!(breaker.steer("reset").failures, 0, "a closed one too");
    });
}

#[test]
fn a_lock_holds_through_whatever_comes_until_it_is_ended() {
    let locks = [("force_open", FORCED_OPEN), ("disable", DISABLED)];
    for (action, state) in locks {
        on_each_store(&Rules::default(), |breaker| {
            let locked = breaker.steer(action);
            assert_eq!((locked.state, locked.remaining), (state, 0));
            assert_eq!(breaker.record(locked.epoch, "a0", 1, [9, 9, 0]).extra, "0");
            assert_eq!(breaker.acquire("a0").extra, "");
            assert_eq!(breaker.steer(action).epoch, locked.epoch, "twice is once");
            let released = breaker.steer("release");
            assert_eq!((released.state, released.lock.as_str()), (CLOSED, ""));
            assert_eq!(
                breaker.steer("release").epoch,
                released.epoch,
                "nothing to end"
            );
        });
    }
}

#[test]
fn a_reset_ends_a_lock_and_one_lock_replaces_the_other() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.steer("force_open");
        assert_eq!(breaker.steer("disable").state, DISABLED);
        assert_eq!(breaker.steer("reset").state, CLOSED);
    });
}

#[test]
fn a_release_leaves_an_open_breaker_open() {
    on_each_store(&Rules::default(), |breaker| {
        let opened = breaker.fail("a0", 5);
        let answer = breaker.steer("release");
        assert_eq!((answer.state, answer.epoch), (OPEN, opened.epoch));
    });
}

#[test]
fn an_unknown_action_is_an_error_and_changes_nothing() {
    use steadfast_protocol_tests::breaker::Script;
    on_each_store(&Rules::default(), |breaker| {
        let reply = breaker.try_run(Script::Steer, &["rest"]).unwrap_err();
        assert_eq!(reply.error(), Some("ERR unknown action \"rest\""));
        assert!(breaker.fields("s").is_empty());
    });
}
