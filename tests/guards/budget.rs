//! Retry budgets: what retries may add to the load.

use steadfast::{Backoff, Jitter};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, listen, ms, secs};
use tokio::time::{Instant, advance};
use tracing::Level;

use super::guarded;

/// A minute of 100 calls a second, all of which fail: how many retries there were in each second.
async fn outage<C>(call: impl Fn(std::sync::Arc<Dependency>) -> C) -> Vec<usize>
where
    C: Future<Output = Result<usize, Failure>>,
{
    let dependency = std::sync::Arc::new(Dependency::playing(&"F".repeat(60 * 300)));
    let mut retries = Vec::new();
    for _ in 0..60 {
        let before = dependency.runs();
        for _ in 0..100 {
            advance(ms(10)).await;
            assert_eq!(call(dependency.clone()).await, Err(TRANSIENT));
        }
        retries.push(dependency.runs() - before - 100);
    }
    retries
}

// The words: budget 20 %, floor 10/s: a full outage at 100 calls a second adds at most
// 20 % + 10/s retries …
#[tokio::test(start_paused = true)]
async fn an_outage_adds_at_most_a_fifth_of_the_calls_and_10_retries_a_second() {
    let call = guarded!(retry(max = 3, base = "0s", budget = 0.2, budget_min = 10));
    apart(async {
        let retries = outage(|dependency| async move { call(&dependency).await }).await;
        // Over the last 10 s: never more than 10 × (100 × 20 % + 10).
        for some in retries.windows(10) {
            assert!(some.iter().sum::<usize>() <= 300, "{retries:?}");
        }
        // And no less, once the window is full of calls: the budget is there to be used.
        let all: usize = retries.iter().sum();
        assert!((1400..=1800).contains(&all), "{all}: {retries:?}");
    })
    .await;
}

// … where without it 200 % come.
#[tokio::test(start_paused = true)]
async fn without_a_budget_an_outage_trebles_the_load() {
    let call = guarded!(retry(max = 3, base = "0s"));
    apart(async {
        let retries = outage(|dependency| async move { call(&dependency).await }).await;
        assert!(retries.iter().all(|&retries| retries == 200), "{retries:?}");
    })
    .await;
}

// A spent budget gives the last error at once and an event.
#[tokio::test(start_paused = true)]
async fn a_spent_budget_gives_the_last_error_at_once_and_says_so() {
    let call = guarded!(
        name = "budget.spent",
        retry(
            max = 9,
            base = "1s",
            jitter = "none",
            budget = 0.5,
            budget_min = 0
        )
    );
    let (began, heard) = listen(apart(async {
        // Four calls are worth two retries.
        for _ in 0..3 {
            call(&Dependency::playing("")).await.unwrap();
        }
        let dependency = Dependency::playing("FFT");
        let began = Instant::now();
        let last = Failure::Of(steadfast::Class::Timeout);
        assert_eq!(call(&dependency).await, Err(last));
        assert_eq!(dependency.starts(), [secs(0), secs(1), secs(3)]);
        began.elapsed()
    }))
    .await;
    assert_eq!(began, secs(3), "no pause comes after the last");
    let events: Vec<_> = heard.iter().map(|event| &*event.message).collect();
    assert_eq!(events, ["retry", "retry", "retry.budget_spent"]);
    let spent = &heard[2];
    assert_eq!(
        (spent.level, spent.target),
        (Level::WARN, "steadfast::retry")
    );
    assert_eq!(
        (
            spent.field("call"),
            spent.field("attempts"),
            spent.field("class")
        ),
        ("budget.spent", "3", "timeout")
    );
}

// 10 of the contract: "calls" in the budget are calls, not attempts.
#[tokio::test(start_paused = true)]
async fn a_budget_grows_with_calls_not_with_attempts() {
    let call = guarded!(retry(max = 100, base = "0s", budget = 1.0, budget_min = 0));
    apart(async {
        let dependency = Dependency::playing(&"F".repeat(200));
        for call_number in 1..=50 {
            assert_eq!(call(&dependency).await, Err(TRANSIENT));
            assert_eq!(dependency.runs(), 2 * call_number);
        }
    })
    .await;
}

// The balance is that of the last 10 s.
#[tokio::test(start_paused = true)]
async fn calls_and_retries_older_than_10_s_are_out_of_the_budget() {
    let call = guarded!(retry(max = 2, base = "0s", budget = 0.5, budget_min = 1));
    apart(async {
        let dependency = Dependency::playing(&"F".repeat(1000));
        for _ in 0..40 {
            call(&dependency).await.unwrap_err();
        }
        // 10 × 1, and half of those 40 when all of them had come: 19 or 20 by then.
        let retries = dependency.runs() - 40;
        assert!((29..=30).contains(&retries), "{retries}");
        advance(secs(10)).await;
        for _ in 0..40 {
            call(&dependency).await.unwrap_err();
        }
        assert_eq!(dependency.runs(), 2 * (40 + retries));
    })
    .await;
}

// The issue: per site.
#[tokio::test(start_paused = true)]
async fn each_site_has_a_budget_of_its_own() {
    let one = guarded!(retry(max = 2, base = "0s", budget = 0.1, budget_min = 1));
    let other = guarded!(retry(max = 2, base = "0s", budget = 0.1, budget_min = 1));
    apart(async {
        let dependency = Dependency::playing(&"F".repeat(100));
        for _ in 0..20 {
            let _ = one(&dependency).await;
        }
        let before = dependency.runs();
        assert_eq!(other(&dependency).await, Err(TRANSIENT));
        assert_eq!(dependency.runs(), before + 2);
    })
    .await;
}

// What is not slept is not spent: a pause past the deadline takes nothing from the budget.
#[tokio::test(start_paused = true)]
async fn a_pause_that_the_deadline_forbids_spends_no_budget() {
    let call = guarded!(
        retry(
            max = 2,
            base = "3s",
            jitter = "none",
            budget = 1.0,
            budget_min = 0
        ),
        deadline = "5s"
    );
    apart(async {
        // The pause would end at 6 s.
        let slow = Dependency::playing("F").taking(secs(3));
        assert_eq!(call(&slow).await, Err(TRANSIENT));
        let quick = Dependency::playing("FF");
        assert_eq!(call(&quick).await, Err(TRANSIENT));
        let another = Dependency::playing("FS");
        assert_eq!(
            call(&another).await,
            Ok(2),
            "of three calls one was retried"
        );
        assert_eq!((slow.runs(), quick.runs()), (1, 2));
    })
    .await;
}

// `Backoff::delays` is what a budget cuts short, and nothing else of the retry.
#[tokio::test(start_paused = true)]
async fn a_budget_changes_no_pause() {
    let call = guarded!(retry(
        max = 4,
        base = "1s",
        jitter = "none",
        budget = "100%"
    ));
    apart(async {
        let dependency = Dependency::playing("FFF");
        call(&dependency).await.unwrap();
        let starts = dependency.starts();
        let pauses: Vec<_> = starts.windows(2).map(|two| two[1] - two[0]).collect();
        let wanted: Vec<_> = Backoff::new(secs(1))
            .jitter(Jitter::None)
            .delays()
            .take(3)
            .collect();
        assert_eq!(pauses, wanted);
    })
    .await;
}
