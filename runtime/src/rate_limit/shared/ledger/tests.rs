use super::*;

const MS: Nanos = 1_000_000;

/// 1,000 a second, 500 at once.
fn rules(lease: Option<Nanos>) -> Rules {
    let (interval, tolerance) = (MS, 500 * MS);
    Rules::new(
        Counting::Bucket {
            interval,
            tolerance,
            lease: None,
        },
        lease,
    )
}

fn granted(tokens: u32, wait: Nanos) -> Granted {
    Granted {
        tokens,
        wait,
        left: 0,
        full_in: 500 * MS,
        hint: Hint {
            mark: 7.0,
            returned: 0.0,
            ahead: 0,
        },
        at: 1.0,
    }
}

#[test]
fn a_crowd_is_asked_for_at_once() {
    let (rules, mut ledger) = (rules(None), Ledger::default());
    let (first, ask) = ledger.need(rules, 0);
    assert_eq!(ask.unwrap().want, 1);
    for _ in 0..5 {
        assert_eq!(ledger.need(rules, MS), (first + 1, None));
    }
    ledger.unneed(first + 1); // one of them has gone
    assert!(ledger.heard(rules, first, granted(1, 0), 2 * MS).is_some());
    let next = ledger.follow(rules, 2 * MS).unwrap();
    assert_eq!(
        (next.number, next.want, next.hint.mark),
        (first + 1, 4, 7.0)
    );
    assert_eq!(ledger.follow(rules, 2 * MS), None);
}

#[test]
fn a_late_answer_brings_nothing() {
    let (rules, mut ledger) = (rules(None), Ledger::default());
    let (number, _) = ledger.need(rules, 0);
    let (behind, _) = ledger.need(rules, 0);
    assert_eq!(ledger.give_up(), 0);
    assert!(ledger.is_answered(number) && ledger.is_answered(behind));
    assert_eq!(ledger.heard(rules, number, granted(1, 0), 200 * MS), None);
    assert_eq!(ledger.refill(200 * MS), None);
}

#[test]
fn a_refusal_is_remembered_until_there_is_a_token_again() {
    let (rules, mut ledger) = (rules(None), Ledger::default());
    let (number, _) = ledger.need(rules, 0);
    let (behind, _) = ledger.need(rules, 0);
    ledger.heard(rules, number, granted(0, 3 * MS), MS);
    assert!(ledger.is_answered(behind)); // to ask for it would be in vain
    assert_eq!(ledger.follow(rules, MS), None);
    assert_eq!(ledger.turn_in(rules, 2 * MS, 0), 2 * MS);
    assert_eq!(ledger.turn_in(rules, 2 * MS, 4), 6 * MS);
    assert_eq!(ledger.turn_in(rules, 4 * MS, 4), 0);
}

#[test]
fn a_leased_batch_is_spent_in_halves_and_the_second_half_asks_for_more() {
    let (rules, mut ledger) = (rules(Some(100 * MS)), Ledger::default());
    let (number, _) = ledger.need(rules, 0);
    ledger.heard(rules, number, granted(10, 0), MS);
    // By a coarse clock, which lags by 10 ms at most.
    assert_eq!(ledger.refill(MS), Some((5, 90 * MS)));
    assert_eq!(ledger.ahead(rules, MS), None);
    assert_eq!(ledger.refill(2 * MS), Some((5, 90 * MS)));
    assert!(ledger.ahead(rules, 2 * MS).is_some());
    assert_eq!(ledger.refill(2 * MS), None);
}

#[test]
fn what_is_left_of_a_batch_goes_back_once() {
    let (rules, mut ledger) = (rules(Some(100 * MS)), Ledger::default());
    let (number, _) = ledger.need(rules, 0);
    let news = ledger.heard(rules, number, granted(10, 0), MS).unwrap();
    assert_eq!(news.leased, Some(1.0));
    ledger.refill(MS);
    assert_eq!(ledger.take_back(1.0), (5, true));
    assert_eq!(ledger.take_back(1.0), (0, true));
    assert_eq!(ledger.take_back(2.0), (0, false));
}

#[test]
fn after_an_outage_what_was_spent_is_paid_and_nothing_is_leased_for_a_while() {
    let (rules, mut ledger) = (rules(Some(100 * MS)), Ledger::default());
    let ask = ledger.pay(rules, 30, 1_000 * MS).unwrap();
    assert_eq!(ask.want, 30);
    // Its answer is lost: it is owed still, and asked for again.
    assert_eq!(ledger.give_up(), 30);
    let ask = ledger.pay(rules, 30, 1_000 * MS).unwrap();
    let (number, none) = ledger.need(rules, 1_000 * MS);
    assert_eq!((number, none), (ask.number + 1, None));
    ledger.heard(rules, ask.number, granted(30, 0), 1_001 * MS);
    assert_eq!(ledger.refill(1_001 * MS), None);
    assert_eq!(ledger.follow(rules, 1_001 * MS).unwrap().want, 1);
    ledger.heard(rules, number, granted(1, 0), 1_002 * MS);
    assert_eq!(ledger.refill(1_002 * MS).unwrap().0, 1);
    assert_eq!(ledger.ahead(rules, 1_399 * MS), None);
    assert!(ledger.ahead(rules, 1_400 * MS).is_some());
}
