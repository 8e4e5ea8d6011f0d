use crate::stores::on_each_store;
use steadfast_protocol_tests::breaker::{Rules, SECOND};

#[test]
fn each_transition_is_announced_once_with_what_follows_from_it() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.fail("a0", 4);
        assert!(breaker.store.announced().is_empty());
        let open = breaker.fail("a1", 1).epoch;
        breaker.pass(30 * SECOND);
        let half_open = breaker.acquire("a0");
        let failed = breaker.probed(&half_open.extra, "failed").epoch;
        let forced = breaker.steer("force_open").epoch;
        breaker.steer("force_open");
        let disabled = breaker.steer("disable").epoch;
        let closed = breaker.steer("release").epoch;
        breaker.steer("release");
        let expected = [
            format!("v1|x|{open}|1|30000000|1|5|5|0"),
            format!("v1|x|{}|2|0|1|5|5|0", half_open.epoch),
            format!("v1|x|{failed}|1|30000000|2|5|5|0"),
            format!("v1|x|{forced}|3|0|0|0|0|0"),
            format!("v1|x|{disabled}|4|0|0|0|0|0"),
            format!("v1|x|{closed}|0|0|0|0|0|0"),
        ];
        assert_eq!(breaker.store.announced(), expected);
    });
}

#[test]
fn what_is_restored_is_announced() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.restore(1_700_000_000_000_000, 1, 5 * SECOND, 2, "");
        assert_eq!(
            breaker.store.announced(),
            ["v1|x|1700000000000000|1|5000000|2|0|0|0"]
        );
    });
}
