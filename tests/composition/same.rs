//! A policy made by hand does what the attribute does with the same options.

use std::time::Duration;

use proptest::prelude::*;
use steadfast::options::{Guards, Jitter};
use steadfast::{
    BreakerStatus, BulkheadStatus, CallCounts, LimitStatus, Policy, Registry, registry, resilient,
};
use steadfast_tests::{Dependency, Failure, ms, secs, site};
use tokio::time::{Instant, advance, timeout};

const CALLS: usize = 4;

#[resilient(
    name = "same.call",
    breaker(name = "same", failures = 3, recovery = "3s", half_open = 1),
    rate_limit(name = "same", max = 3, per = "6s", wait = "500ms"),
    bulkhead(name = "same", max = 1, wait = "0s", guards = "call"),
    retry(max = 4, base = "1s", factor = 1.5, jitter = "none"),
    timeout = "2s",
    deadline = "7s"
)]
async fn annotated(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

fn by_hand() -> Policy {
    Policy::builder("same.call.by.hand")
        .breaker("same", |b| b.failures(3).recovery(secs(3)).half_open(1))
        .rate_limit("same", |limit| limit.max(3).per(secs(6)).wait(ms(500)))
        .bulkhead("same", |bulkhead| {
            bulkhead.max(1).wait(Duration::ZERO).guards(Guards::Call)
        })
        .retry(|retry| {
            let retry = retry.max(4).base(secs(1)).jitter(Jitter::None);
            retry.factor(steadfast::Factor::literal(1.5))
        })
        .timeout(secs(2))
        .deadline(secs(7))
        .build()
        .unwrap()
}

/// All that can be seen of a few calls, one after another.
#[derive(Debug, PartialEq)]
struct Seen {
    results: Vec<Result<usize, Failure>>,
    took: Vec<Duration>,
    starts: Vec<Duration>,
    counts: CallCounts,
    breaker: BreakerStatus,
    limit: LimitStatus,
    bulkhead: BulkheadStatus,
}

async fn seen<F>(
    script: &str,
    counts: impl Fn() -> CallCounts,
    call: impl Fn(Dependency) -> F,
) -> Seen
where
    F: Future<Output = (Dependency, Result<usize, Failure>)>,
{
    let mut dependency = Dependency::playing(script).taking(ms(100));
    let (mut results, mut took) = (Vec::new(), Vec::new());
    for _ in 0..CALLS {
        let began = Instant::now();
        let result;
        (dependency, result) = call(dependency).await;
        results.push(result);
        took.push(began.elapsed());
        advance(ms(300)).await;
    }
    let registry = registry();
    Seen {
        results,
        took,
        starts: dependency.starts(),
        counts: counts(),
        breaker: registry.breaker("same").status(),
        limit: registry.rate_limit("same").status(),
        bulkhead: registry.bulkhead("same").status(),
    }
}

/// Plays it in a registry of its own. The longest call takes 7 s; one that hangs fails here.
fn played(play: impl Future<Output = Seen>) -> Seen {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let play = timeout(secs(60), Registry::new().scope(play));
        play.await.expect("no call hangs")
    })
}

fn both(script: &str) -> (Seen, Seen) {
    let counts = || site("same.call").calls();
    let attribute = async {
        let call = async |dependency: Dependency| {
            let result = annotated(&dependency).await;
            (dependency, result)
        };
        seen(script, counts, call).await
    };
    let builder = async {
        let policy = by_hand();
        let call = async |dependency: Dependency| {
            let result = policy.call(|| dependency.ask()).await;
            (dependency, result)
        };
        seen(script, || policy.calls(), call).await
    };
    (played(attribute), played(builder))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_dependency_does_both_do_the_same(script in "[SFTRPEIH]{0,14}") {
        let (attribute, builder) = both(&script);
        prop_assert_eq!(attribute, builder);
    }
}

#[test]
fn the_scripts_lead_into_each_guard() {
    let text = |script| format!("{:?}", both(script).1.results);
    assert!(text("FFF").contains("CircuitOpen"));
    assert!(text("EEEEEEEEEEEE").contains("Of(Expected)"));
    assert!(text("HHHH").contains("DeadlineExceeded"));
    assert!(text("FSFSFSFS").contains("RateLimited"));
}
