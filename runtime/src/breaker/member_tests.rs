//! One instance's part, message by message.

use super::member::{Hears, Member};
use super::message::{Batch, Message, ProbeEnd, Seen, Steer};
use super::state::State;
use super::window::{Counts, Nanos, Outcome};

const WINDOW: Nanos = 1_000;
const FAILED: Outcome = Outcome {
    failed: true,
    slow: false,
};

fn seen(state: State, epoch: u64) -> Seen {
    Seen {
        state,
        epoch,
        remaining: 0,
        opens: 0,
        counts: Counts::default(),
    }
}

/// One that has heard of a closed state in epoch 7.
fn joined() -> Member {
    let mut member = Member::new(Some(WINDOW), 0);
    assert_eq!(member.next(0), Some(Message::Read));
    assert_eq!(member.hears(seen(State::Closed, 7), 0), Hears::Newer);
    member
}

fn batch(member: &mut Member, now: Nanos) -> Batch {
    match member.next(now) {
        Some(Message::Record(batch)) => batch,
        other => panic!("no batch, but {other:?}"),
    }
}

#[test]
fn failures_ride_in_numbered_batches_one_at_a_time() {
    let mut member = joined();
    member.counted(FAILED, 1);
    let first = batch(&mut member, 1);
    assert_eq!((first.epoch, first.seq, first.counts.failed), (7, 1, 1));
    // What comes meanwhile rides the next; one that is not known to have arrived is told again as it is.
    member.counted(FAILED, 2);
    member.counted(FAILED, 3);
    assert_eq!(batch(&mut member, 3), first);
    member.told_batch(&first);
    let second = batch(&mut member, 3);
    assert_eq!((second.seq, second.counts.failed), (2, 2));
    member.told_batch(&second);
    assert_eq!(member.next(4), None);
}

#[test]
fn successes_go_now_and_then_or_with_a_failure() {
    let mut member = joined();
    member.successes([(0, 5)].into_iter());
    assert_eq!(member.next(1), None);
    member.successes([(0, 8)].into_iter());
    member.counted(FAILED, 2);
    let first = batch(&mut member, 2);
    assert_eq!((first.counts.calls, first.counts.failed), (9, 1));
    member.told_batch(&first);
    member.successes([(0, 8), (1, 2)].into_iter());
    assert_eq!(member.next(3), None, "none is told twice, nor at once");
    assert_eq!(
        batch(&mut member, super::SUCCESSES_EVERY + 2).counts.calls,
        2
    );
}

#[test]
fn what_belonged_to_an_earlier_state_is_told_no_more() {
    let mut member = joined();
    member.counted(FAILED, 1);
    let first = batch(&mut member, 1);
    member.counted(FAILED, 1);
    assert_eq!(member.hears(seen(State::Closed, 8), 2), Hears::Newer);
    assert_eq!(member.next(2), None);
    member.told_batch(&first); // late
    member.counted(FAILED, 3);
    assert_eq!(batch(&mut member, 3).epoch, 8);
}

#[test]
fn an_older_state_replaces_nothing_and_is_made_good() {
    let mut member = joined();
    assert_eq!(member.hears(seen(State::Open, 6), 1), Hears::Nothing);
    match member.next(1) {
        Some(Message::Restore(known)) => assert_eq!(known, seen(State::Closed, 7)),
        other => panic!("{other:?}"),
    }
    member.told_restore();
    assert_eq!(member.hears(seen(State::Closed, 7), 2), Hears::Nothing);
    assert_eq!(member.next(2), None);
}

#[test]
fn what_was_not_told_while_the_store_was_away_follows_unless_it_is_too_old() {
    let mut member = joined();
    member.part();
    assert!(!member.is_led());
    member.counted(FAILED, 10);
    assert_eq!(
        member.next(20),
        Some(Message::Read),
        "first of all: what is the state?"
    );
    assert_eq!(member.hears(seen(State::Closed, 7), 20), Hears::KnownAgain);
    assert_eq!(batch(&mut member, 20).counts.failed, 1);

    let mut member = joined();
    member.part();
    member.counted(FAILED, 10);
    let late = 10 + 2 * WINDOW;
    assert_eq!(
        member.hears(seen(State::Closed, 7), late),
        Hears::KnownAgain
    );
    assert_eq!(member.next(late), None);
}

#[test]
fn what_is_done_by_hand_goes_first_and_holds_until_it_is_told() {
    let mut member = joined();
    member.counted(FAILED, 1);
    member.steer(Steer::ForceOpen);
    member.steer(Steer::Release);
    member.steer(Steer::Release);
    assert_eq!(member.next(1), Some(Message::Steer(Steer::ForceOpen)));
    assert_eq!(member.hears(seen(State::Open, 8), 1), Hears::Nothing);
    member.told_steer(Steer::ForceOpen);
    assert_eq!(member.next(1), Some(Message::Steer(Steer::Release)));
    member.told_steer(Steer::Release);
    assert_eq!(member.hears(seen(State::Closed, 9), 1), Hears::Newer);
    // What sets a state makes whatever was to come before pointless.
    member.steer(Steer::Disable);
    member.steer(Steer::Reset);
    assert_eq!(member.next(1), Some(Message::Steer(Steer::Reset)));
}

#[test]
fn a_store_that_forgot_the_state_has_it_restored_before_anything_is_done_to_it() {
    let mut member = joined();
    member.steer(Steer::Release);
    assert_eq!(member.next(1), Some(Message::Steer(Steer::Release)));
    let forgot = seen(State::Closed, 0);
    assert!(member.is_forgotten_by(&forgot), "so that is not told yet");
    assert_eq!(member.hears(forgot, 1), Hears::Nothing);
    assert_eq!(member.next(1), Some(Message::Restore(member.led_to(1))));
    member.told_restore();
    let restored = seen(State::Closed, 7);
    assert!(!member.is_forgotten_by(&restored));
    assert_eq!(member.hears(restored, 1), Hears::Nothing);
    assert_eq!(member.next(1), Some(Message::Steer(Steer::Release)));
}

#[test]
fn each_call_asks_for_a_lease_of_its_own_and_no_more_than_there_are() {
    let mut member = joined();
    assert_eq!(member.hears(seen(State::HalfOpen, 8), 1), Hears::Newer);
    let rounds = [member.ask(2, 1), member.ask(2, 1), member.ask(2, 1)];
    assert_eq!(rounds, [Some(1), Some(2), None]);
    assert_eq!(member.next(1), Some(Message::Acquire));
    member.told_lease(Some(("8.1".into(), 50)), 5, 2);
    assert!(member.is_through(1) && !member.is_through(2));
    assert_eq!(member.take_lease(3), Some(("8.1".into(), 50)));
    assert_eq!(member.next(3), Some(Message::Acquire));
    member.told_lease(None, 5, 3);
    assert!(member.is_through(2));
    assert_eq!(member.ask(2, 7), None, "none is to be had for a while");
    assert_eq!(member.ask(2, 8), Some(3));
}

#[test]
fn leases_end_go_back_and_are_told_how_their_probe_went() {
    let mut member = joined();
    assert_eq!(member.hears(seen(State::HalfOpen, 8), 1), Hears::Newer);
    member.told_lease(Some(("8.1".into(), 5)), 0, 1);
    assert_eq!(member.take_lease(5), None, "exactly at its end it is over");
    member.told_lease(Some(("8.2".into(), Nanos::MAX)), 0, 1);
    let unused = member.idle_until().unwrap();
    assert_eq!(
        member.next(unused),
        Some(Message::Probed("8.2".into(), ProbeEnd::Gone))
    );
    member.told_probe("8.2");
    member.probe_ended("8.3".into(), ProbeEnd::of(Some(FAILED)));
    assert_eq!(
        member.next(1),
        Some(Message::Probed("8.3".into(), ProbeEnd::Failed))
    );
    // Of a state that is over, nobody wants to know.
    assert_eq!(member.hears(seen(State::Open, 9), 2), Hears::Newer);
    assert_eq!(member.next(2), None);
}

#[test]
fn whoever_waits_for_a_lease_waits_no_longer_once_the_store_is_away() {
    let mut member = joined();
    assert_eq!(member.hears(seen(State::HalfOpen, 8), 1), Hears::Newer);
    let round = member.ask(2, 1).unwrap();
    member.part();
    assert!(member.is_through(round));
}
