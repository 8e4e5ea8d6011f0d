use crate::stores::on_each_store;
use steadfast_protocol_tests::breaker::{CLOSED, HALF_OPEN, OPEN, Rules, SECOND};

#[test]
fn no_probe_before_an_open_breaker_is_due_and_exactly_then_one() {
    on_each_store(&Rules::default(), |breaker| {
        assert_eq!(breaker.acquire("a0").extra, "", "closed");
        let opened = breaker.fail("a0", 5);
        breaker.pass(30 * SECOND - 1);
        let early = breaker.acquire("a0");
        assert_eq!(
            (early.state, early.remaining, early.extra.as_str()),
            (OPEN, 1, "")
        );
        breaker.pass(1);
        let first = breaker.acquire("a0");
        assert_eq!(first.state, HALF_OPEN);
        assert!(first.epoch > opened.epoch);
        assert_eq!(
            first.extra,
            format!("{0}.{0}", first.epoch),
            "a token holds its epoch"
        );
    });
}

#[test]
fn no_more_probes_than_allowed_whoever_asks() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.open_and_due();
        let tokens: Vec<_> = (0..200)
            .map(|i| breaker.acquire(&format!("{i:x}")).extra)
            .collect();
        assert_eq!(tokens.iter().filter(|token| !token.is_empty()).count(), 2);
        assert_ne!(tokens[0], tokens[1]);
    });
}

#[test]
fn enough_probes_that_succeed_close_it_and_one_that_fails_opens_it() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.open_and_due();
        let token = breaker.acquire("a0").extra;
        let answer = breaker.probed(&token, "ok");
        assert_eq!((answer.state, answer.extra.as_str()), (HALF_OPEN, "1"));
        let token = breaker.acquire("b0").extra;
        let answer = breaker.probed(&token, "ok");
        assert_eq!(
            (answer.state, answer.opens, answer.failures),
            (CLOSED, 0, 0)
        );

        breaker.open_and_due();
        let (ok, failed) = (breaker.acquire("a0").extra, breaker.acquire("a0").extra);
        breaker.probed(&ok, "ok");
        let answer = breaker.probed(&failed, "failed");
        assert_eq!(
            (answer.state, answer.opens, answer.remaining),
            (OPEN, 2, 30_000_000)
        );
        assert_eq!(
            answer.failures, 5,
            "what opened it first is shown until it closes"
        );
    });
}

#[test]
fn a_place_is_free_again_when_its_probe_ends_even_as_nothing() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.open_and_due();
        let held = breaker.acquire("a0").extra;
        let gone = breaker.acquire("a0").extra;
        assert_eq!(breaker.acquire("b0").extra, "");
        assert_eq!(breaker.probed(&gone, "gone").extra, "1");
        assert_ne!(breaker.acquire("b0").extra, "");
        breaker.probed(&held, "ok");
        let again = breaker.acquire("b0").extra;
        assert_ne!(again, "");
        assert_eq!(
            breaker.probed(&again, "gone").state,
            HALF_OPEN,
            "gone is no success"
        );
    });
}

#[test]
fn a_prober_that_dies_gives_its_place_up_at_its_time_out() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.open_and_due();
        let dead = [breaker.acquire("a0").extra, breaker.acquire("a0").extra];
        breaker.pass(30 * SECOND - 1);
        assert_eq!(breaker.acquire("b0").extra, "");
        breaker.pass(1);
        let tokens = [breaker.acquire("b0").extra, breaker.acquire("c0").extra];
        assert!(tokens.iter().all(|token| !token.is_empty()), "{tokens:?}");
        assert_eq!(breaker.acquire("d0").extra, "");
        for late in &dead {
            let answer = breaker.probed(late, "failed");
            assert_eq!(
                (answer.state, answer.extra.as_str()),
                (HALF_OPEN, "0"),
                "fenced"
            );
        }
    });
}

#[test]
fn a_result_counts_once_and_in_its_epoch_only() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.open_and_due();
        let token = breaker.acquire("a0").extra;
        breaker.probed(&token, "ok");
        assert_eq!(breaker.probed(&token, "ok").extra, "0", "sent again");
        let old = breaker.acquire("a0").extra;
        let failed = breaker.acquire("b0").extra;
        breaker.probed(&failed, "failed");
        assert_eq!(breaker.probed(&old, "ok").extra, "0");
        breaker.pass(30 * SECOND);
        breaker.acquire("a0");
        let answer = breaker.probed(&old, "failed");
        assert_eq!((answer.state, answer.extra.as_str()), (HALF_OPEN, "0"));
    });
}

#[test]
fn places_of_callers_with_more_of_them_count_for_those_with_fewer() {
    on_each_store(&Rules::default(), |breaker| {
        let more = breaker.with(|rules| rules.half_open = 5);
        breaker.open_and_due();
        let tokens: Vec<_> = (0..4).map(|_| more.acquire("a0").extra).collect();
        assert!(tokens.iter().all(|token| !token.is_empty()));
        assert_eq!(breaker.acquire("b0").extra, "");
        tokens[..2].iter().for_each(|token| {
            breaker.probed(token, "gone");
        });
        assert_eq!(breaker.acquire("b0").extra, "", "two are still out");
        breaker.probed(&tokens[2], "gone");
        assert_ne!(breaker.acquire("b0").extra, "");
    });
}

#[test]
fn an_operator_sees_who_probes_and_until_when() {
    on_each_store(&Rules::default(), |breaker| {
        breaker.open_and_due();
        let token = breaker.acquire("a0").extra;
        let ends = breaker.now() + 30 * SECOND;
        assert_eq!(breaker.fields("s")["p1"], format!("{token}:{ends}:a0"));
    });
}
