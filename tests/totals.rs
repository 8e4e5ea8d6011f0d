//! What a registry counts: of calls, breakers, limits and bulkheads.

use steadfast::{BreakerTotals, CallTotals, Policy, Registry, State, Totals, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, secs};
use tokio::time::advance;

#[resilient(
    name = "totals.call",
    breaker(name = "totals", failures = 5, recovery = "30s"),
    retry(max = 3, base = "1s", jitter = "none"),
    timeout = "5s"
)]
async fn guarded(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

async fn play(script: &str) {
    let _ = guarded(&Dependency::playing(script)).await;
}

fn call(totals: &Totals, name: &str) -> CallTotals {
    let found = totals.calls.iter().find(|call| call.name == *name);
    found.unwrap_or_else(|| panic!("no call {name}")).clone()
}

fn breaker(totals: &Totals, name: &str) -> BreakerTotals {
    let found = totals.breakers.iter().find(|known| known.name == *name);
    *found.unwrap_or_else(|| panic!("no breaker {name}"))
}

fn counted(breaker: BreakerTotals) -> (u64, u64, u64, u64) {
    let BreakerTotals {
        failures,
        successes,
        rejections,
        slow_calls,
        ..
    } = breaker;
    (failures, successes, rejections, slow_calls)
}

fn changes(breaker: BreakerTotals, to: State) -> u64 {
    let found = breaker.changes.iter().find(|(state, _)| *state == to);
    found.unwrap().1
}

#[tokio::test(start_paused = true)]
async fn every_attempt_is_counted_as_its_breaker_counts_it() {
    apart(async {
        play("S").await;
        play("FS").await;
        play("E").await; // a proper answer: a success of the breaker
        play("I").await; // ignored: nothing
        let totals = registry().totals();
        assert_eq!(counted(breaker(&totals, "totals")), (1, 3, 0, 0));
        let call = call(&totals, "totals.call");
        assert_eq!(
            (call.ended.ok, call.ended.expected, call.ended.ignored),
            (2, 1, 1)
        );
        assert_eq!((call.retries.ok, call.retries.transient), (1, 0));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn retries_are_counted_by_how_they_ended_and_calls_by_their_attempts() {
    apart(async {
        play("S").await;
        play("FTS").await;
        play("FF").await;
        let totals = registry().totals();
        let call = call(&totals, "totals.call");
        assert_eq!(call.ended.ok, 3);
        let attempts = call.attempts.unwrap();
        assert_eq!(attempts.calls, 3);
        assert_eq!(attempts.at_most[..3], [(1, 1), (2, 1), (3, 3)]);
        assert_eq!(attempts.attempts, 1 + 3 + 3);
        assert_eq!(
            (
                call.retries.ok,
                call.retries.timeout,
                call.retries.transient
            ),
            (2, 1, 1)
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn refusals_are_counted_by_the_policy_that_refused() {
    apart(async {
        let handle = registry().breaker("totals");
        handle.force_open();
        play("").await;
        handle.admit().unwrap_err();
        let totals = registry().totals();
        assert_eq!(breaker(&totals, "totals").rejections, 2);
        assert_eq!(call(&totals, "totals.call").ended.rejected, 1);
        assert_eq!(changes(breaker(&totals, "totals"), State::ForcedOpen), 1);
        assert_eq!(breaker(&totals, "totals").state, State::ForcedOpen);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn limits_and_bulkheads_count_what_they_refuse() {
    #[resilient(
        name = "totals.limited",
        rate_limit(name = "totals.limit", max = 1, per = "1h"),
        bulkhead(name = "totals.places", max = 1, wait = "0s")
    )]
    async fn limited() -> Result<usize, Failure> {
        Ok(1)
    }

    apart(async {
        limited().await.unwrap();
        limited().await.unwrap_err();
        registry()
            .rate_limit("totals.limit")
            .try_acquire()
            .unwrap_err();
        let bulkhead = registry().bulkhead("totals.places");
        let place = bulkhead.try_enter().unwrap();
        bulkhead.try_enter().unwrap_err();
        let totals = registry().totals();
        let limit = totals
            .rate_limits
            .iter()
            .find(|limit| limit.name == *"totals.limit");
        assert_eq!(limit.unwrap().rejected, 2);
        let places = totals
            .bulkheads
            .iter()
            .find(|held| held.name == *"totals.places");
        let places = places.unwrap();
        assert_eq!(
            (places.active, places.waiting, places.max, places.rejected),
            (1, 0, 1, 1)
        );
        drop(place);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_success_that_comes_too_late_is_no_success_of_the_breaker() {
    apart(async {
        let handle = registry().breaker("totals");
        let late = handle.admit().unwrap();
        handle.force_open();
        handle.reset();
        late.success();
        handle.disable();
        play("S").await;
        let totals = registry().totals();
        assert_eq!(counted(breaker(&totals, "totals")), (0, 0, 0, 0));
        assert_eq!(call(&totals, "totals.call").ended.ok, 1);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn probes_count_as_what_they_are_and_changes_by_the_state_after() {
    apart(async {
        let handle = registry().breaker("totals");
        (0..5).for_each(|_| handle.admit().unwrap().failure());
        advance(secs(30)).await;
        handle.admit().unwrap().failure();
        advance(secs(30)).await;
        play("S").await;
        play("S").await;
        let totals = breaker(&registry().totals(), "totals");
        assert_eq!(counted(totals), (6, 2, 0, 0));
        let told = [State::Open, State::HalfOpen, State::Closed].map(|to| changes(totals, to));
        assert_eq!(told, [2, 2, 1]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn slow_calls_timeouts_and_fallbacks_are_counted() {
    #[resilient(
        name = "totals.slow",
        breaker(name = "totals.slow", slow_call = "1s"),
        timeout = "10s",
        fallback(kind = "default")
    )]
    async fn slow(time: u64) -> Result<usize, Failure> {
        tokio::time::sleep(secs(time)).await;
        Ok(1)
    }

    apart(async {
        slow(0).await.unwrap();
        slow(2).await.unwrap();
        slow(20).await.unwrap(); // cut: the fallback answers
        let totals = registry().totals();
        assert_eq!(counted(breaker(&totals, "totals.slow")), (1, 2, 0, 2));
        let call = call(&totals, "totals.slow");
        assert_eq!(
            (call.timeouts, call.fallbacks, call.ended.timeout),
            (1, 1, 1)
        );
        assert_eq!(call.attempts, None, "it has no retry");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_keys_of_a_breaker_count_in_one_account() {
    apart(async {
        let tenants = registry().breaker("totals.tenants");
        for tenant in ["a", "b"] {
            let of_one = tenants.for_key(tenant).unwrap();
            of_one.admit().unwrap().success();
            of_one.admit().unwrap().failure();
        }
        tenants.for_key("a").unwrap().force_open();
        let totals = breaker(&registry().totals(), "totals.tenants");
        assert_eq!(counted(totals), (2, 2, 0, 0));
        assert_eq!(totals.keys, Some((2, 1)));
        assert_eq!(changes(totals, State::ForcedOpen), 1);
        let history = tenants.history();
        assert_eq!(history[0].key.as_deref(), Some("a"));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_a_policy_made_by_hand_counted_outlives_it() {
    apart(async {
        for _ in 0..20 {
            let policy = Policy::builder("totals.made")
                .breaker("totals.made", |it| it)
                .build()
                .unwrap();
            policy
                .call_blocking(|| Ok::<_, steadfast::Error<std::io::Error>>(1))
                .unwrap();
        }
        let totals = registry().totals();
        assert_eq!(call(&totals, "totals.made").ended.ok, 20);
        assert_eq!(breaker(&totals, "totals.made").successes, 20);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_the_code_declares_is_there_before_its_first_call() {
    let totals = Registry::new().totals();
    assert_eq!(counted(breaker(&totals, "totals")), (0, 0, 0, 0));
    assert_eq!(call(&totals, "totals.call").ended.ok, 0);
}

// The counts of many threads that meet at every state of a breaker: nothing is lost or doubled.
#[test]
fn counts_of_many_threads_add_up() {
    #[resilient(
        name = "totals.crowd",
        breaker(
            name = "totals.crowd",
            failures = 3,
            counting = "window",
            recovery = "1ms"
        )
    )]
    fn crowd(fails: bool) -> Result<usize, Failure> {
        if fails {
            Err(steadfast_tests::TRANSIENT)
        } else {
            Ok(1)
        }
    }

    let registry = Registry::new();
    let ended: Vec<(u64, u64, u64)> = std::thread::scope(|scope| {
        let work = |seed: usize| {
            let registry = registry.clone();
            move || {
                registry.scope_blocking(|| {
                    let mut ended = (0, 0, 0);
                    for round in 0..2000 {
                        match crowd((round * 7 + seed).is_multiple_of(5)) {
                            Ok(_) => ended.0 += 1,
                            Err(Failure::Rejected(_)) => ended.2 += 1,
                            Err(_) => ended.1 += 1,
                        }
                    }
                    ended
                })
            }
        };
        let threads: Vec<_> = (0..8).map(|seed| scope.spawn(work(seed))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let sum = |of: fn(&(u64, u64, u64)) -> u64| ended.iter().map(of).sum::<u64>();
    let totals = registry.totals();
    let call = call(&totals, "totals.crowd").ended;
    assert_eq!(
        (call.ok, call.transient, call.rejected),
        (sum(|it| it.0), sum(|it| it.1), sum(|it| it.2))
    );
    let breaker = breaker(&totals, "totals.crowd");
    assert_eq!(breaker.rejections, call.rejected);
    assert!(
        breaker.successes <= call.ok && breaker.failures <= call.transient,
        "{breaker:?}"
    );
    let opened = changes(breaker, State::Open);
    assert!(opened >= 1 && breaker.failures >= opened, "{breaker:?}");
}
