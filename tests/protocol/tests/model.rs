//! The model, searched; its mistakes, found; and its server, held against the scripts.

mod conformance;

use steadfast_protocol_tests::model::{Flaw, Size, State, search};

const SMALL: Size = Size {
    begins: State::Closed,
    instances: 2,
    half_open: 1,
    close_after: 1,
    threshold: 2,
    network: 2,
    failures: 0,
    flushes: 0,
    crashes: 0,
    resets: 0,
    ticks: 5,
};

const COUNTING: Size = Size {
    failures: 3,
    crashes: 1,
    resets: 1,
    ticks: 2,
    ..SMALL
};

const COUNTING_WITH_LOSS: Size = Size {
    failures: 3,
    flushes: 1,
    resets: 1,
    ticks: 2,
    ..SMALL
};

const PROBING: Size = Size {
    begins: State::Open,
    crashes: 1,
    ..SMALL
};

const PROBING_BY_TWO: Size = Size {
    begins: State::HalfOpen,
    half_open: 2,
    close_after: 2,
    ticks: 4,
    ..SMALL
};

const PROBING_WITH_LOSS: Size = Size {
    begins: State::Open,
    flushes: 1,
    ..SMALL
};

const LOSS_UPON_LOSS: Size = Size {
    begins: State::HalfOpen,
    failures: 1,
    threshold: 1,
    flushes: 2,
    ticks: 4,
    ..SMALL
};

const THREE_INSTANCES: Size = Size {
    begins: State::Open,
    instances: 3,
    flushes: 1,
    ticks: 4,
    ..SMALL
};

/// Fails with the shortest way to what is wrong.
fn holds(size: &Size, at_least: usize) {
    let searched = search(size, None).unwrap_or_else(|found| panic!("{found}"));
    println!(
        "{} states, to a depth of {}",
        searched.states, searched.depth
    );
    assert!(searched.states >= at_least, "only {}", searched.states);
}

#[test]
fn the_model_holds_while_failures_are_counted_and_instances_crash() {
    holds(&COUNTING, 200_000);
}

#[test]
fn the_model_holds_while_failures_are_counted_and_data_are_lost() {
    holds(&COUNTING_WITH_LOSS, 200_000);
}

#[test]
fn the_model_holds_while_probes_are_out_and_instances_crash() {
    holds(&PROBING, 100_000);
}

#[test]
fn the_model_holds_with_two_probes_at_a_time() {
    holds(&PROBING_BY_TWO, 100_000);
}

#[test]
fn the_model_holds_while_probes_are_out_and_data_are_lost() {
    holds(&PROBING_WITH_LOSS, 100_000);
}

#[test]
fn the_model_holds_while_data_are_lost_again_and_again() {
    holds(&LOSS_UPON_LOSS, 200_000);
}

#[test]
fn the_model_holds_with_three_instances() {
    holds(&THREE_INSTANCES, 200_000);
}

/// Everything at once, some millions of states: `cargo xtask model`.
#[test]
#[ignore = "takes minutes and gigabytes"]
fn the_model_holds_with_everything_at_once() {
    let sizes = [
        Size {
            failures: 2,
            flushes: 1,
            crashes: 1,
            ..SMALL
        },
        Size {
            begins: State::Open,
            failures: 2,
            flushes: 1,
            crashes: 1,
            ticks: 6,
            ..SMALL
        },
        Size {
            begins: State::HalfOpen,
            instances: 3,
            half_open: 2,
            close_after: 2,
            flushes: 1,
            ..SMALL
        },
        Size {
            begins: State::Open,
            network: 3,
            flushes: 1,
            ..SMALL
        },
    ];
    for size in &sizes {
        holds(size, 1_000_000);
    }
}

/// Where a search meets it.
fn size_for(flaw: Flaw) -> Size {
    match flaw {
        Flaw::ABatchCountsEachTimeItArrives
        | Flaw::ABatchOfAnotherEpochCounts
        | Flaw::ABatchIsSentAgainAsANewOne
        | Flaw::ALostBatchIsNotSentAgain
        | Flaw::ATransitionKeepsCounts
        | Flaw::RestoringOverwritesALaterEpoch => COUNTING,
        Flaw::EpochsDoNotFollowTheClock
        | Flaw::RestoringMakesAnEpoch
        | Flaw::RestoringADueOpenStateClosesIt
        | Flaw::AnInstanceTakesALowerEpoch
        | Flaw::NobodyRestores => COUNTING_WITH_LOSS,
        Flaw::AResultCountsWithoutItsLease | Flaw::LeasesDoNotEnd => PROBING,
        Flaw::AResultKeepsItsLease => PROBING_BY_TWO,
        Flaw::FencesDoNotFollowTheClock | Flaw::LeasesLostWithTheDataAreForgotten => {
            PROBING_WITH_LOSS
        }
    }
}

#[test]
fn each_flaw_in_the_protocol_is_found_by_the_model() {
    for flaw in Flaw::ALL {
        match search(&size_for(flaw), Some(flaw)) {
            Ok(searched) => panic!("{flaw:?} was not found in {} states", searched.states),
            Err(found) => println!("{flaw:?}: {found}"),
        }
    }
}
