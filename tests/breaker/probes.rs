//! Probes: how many at a time, how many until it closes, and for how long they keep a place.

use steadfast::{Breaker, Permit, State, registry};
use steadfast_tests::{Dependency, apart, ms, secs};
use tokio::time::advance;

use super::{guarded, plays};

guarded!(
    one_place,
    breaker(
        name = "probes.one_place",
        failures = 1,
        half_open = 1,
        close_after = 3,
        probe_timeout = "5s"
    )
);

guarded!(
    three_places,
    breaker(
        name = "probes.three_places",
        failures = 1,
        half_open = 3,
        close_after = 2,
        probe_timeout = "5s",
        recovery = "10s",
        recovery_factor = 3,
        recovery_max = "50s"
    )
);

async fn opened() -> Breaker {
    plays(three_places, &Dependency::playing(""), "FX").await;
    registry().breaker("probes.three_places")
}

fn places<const N: usize>(breaker: &Breaker) -> [Permit; N] {
    std::array::from_fn(|_| breaker.admit().expect("there is a place"))
}

fn end<const N: usize>(probes: [Permit; N], how: fn(Permit)) {
    for probe in probes {
        how(probe);
    }
}

#[tokio::test(start_paused = true)]
async fn one_place_serves_one_probe_after_the_other_until_it_closes() {
    apart(async {
        let dependency = Dependency::playing("");
        plays(one_place, &dependency, "FX").await;
        advance(secs(30)).await;
        let breaker = registry().breaker("probes.one_place");
        for _ in 0..2 {
            let probe = breaker.admit().unwrap();
            plays(one_place, &dependency, "X").await;
            probe.success();
            assert_eq!(breaker.state(), State::HalfOpen);
        }
        plays(one_place, &dependency, "S").await;
        assert_eq!(breaker.state(), State::Closed);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn probes_beyond_those_that_close_it_count_nothing() {
    for late in [Permit::success, Permit::failure, drop] {
        apart(async {
            let breaker = opened().await;
            advance(secs(10)).await;
            let [first, second, third] = places(&breaker);
            first.success();
            second.success();
            assert_eq!(breaker.state(), State::Closed);
            late(third);
            let status = breaker.status();
            assert_eq!((status.state, status.failures), (State::Closed, 0));
        })
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_failed_probe_opens_it_and_the_others_count_nothing() {
    apart(async {
        let breaker = opened().await;
        advance(secs(10)).await;
        let [first, second, third] = places(&breaker);
        first.success();
        second.failure();
        assert_eq!(breaker.status().retry_in, Some(secs(30)));
        advance(secs(1)).await;
        third.failure();
        assert_eq!(breaker.status().retry_in, Some(secs(29)));
    })
    .await;
}

// The open time grows with each failed round of probes, not with each failed probe.
#[tokio::test(start_paused = true)]
async fn the_open_time_grows_by_rounds_up_to_its_limit() {
    apart(async {
        let breaker = opened().await;
        for grown in [30, 50, 50] {
            let time = breaker.status().retry_in.unwrap();
            advance(time).await;
            end(places::<3>(&breaker), Permit::failure);
            assert_eq!(breaker.status().retry_in, Some(secs(grown)));
        }
        advance(secs(50)).await;
        end(places::<2>(&breaker), Permit::success);
        assert_eq!(breaker.state(), State::Closed);
        let _ = opened().await;
        assert_eq!(breaker.status().retry_in, Some(secs(10)));
    })
    .await;
}

// Time open and untried is no round.
#[tokio::test(start_paused = true)]
async fn an_open_breaker_that_nobody_asks_does_not_grow() {
    apart(async {
        let breaker = opened().await;
        advance(secs(86_400)).await;
        assert_eq!(breaker.state(), State::HalfOpen);
        end(places::<1>(&breaker), Permit::failure);
        assert_eq!(breaker.status().retry_in, Some(secs(30)));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn exactly_at_its_time_out_a_probe_gives_its_place_up() {
    apart(async {
        let breaker = opened().await;
        advance(secs(10)).await;
        let [first, second] = places(&breaker);
        advance(secs(1)).await;
        let third = places::<1>(&breaker);
        advance(ms(3_999)).await;
        assert!(breaker.admit().is_err());
        advance(ms(1)).await;
        // Those of the first two, and not yet that of the third.
        let two = places::<2>(&breaker);
        assert!(breaker.admit().is_err());
        // They gave their places up, and with them their say.
        first.failure();
        drop(second);
        assert_eq!(breaker.state(), State::HalfOpen);
        assert!(breaker.admit().is_err());
        end(two, Permit::success);
        assert_eq!(breaker.state(), State::Closed);
        drop(third);
    })
    .await;
}

// A probe whose lease is over has its say so long as nobody came for its place.
#[tokio::test(start_paused = true)]
async fn a_late_probe_counts_while_its_place_is_still_its_own() {
    apart(async {
        let breaker = opened().await;
        advance(secs(10)).await;
        let late = places::<2>(&breaker);
        advance(secs(60)).await;
        end(late, Permit::success);
        assert_eq!(breaker.state(), State::Closed);
    })
    .await;
}
