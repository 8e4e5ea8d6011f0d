//! What a builder refuses since others say otherwise, and what it leaves behind then.

use steadfast::options::{BreakerPatch, Ratio, Window};
use steadfast::{Policy, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, secs};

use super::build::{faults, search};

#[resilient(
    name = "build.site",
    breaker(name = "build.breaker", failures = 2, recovery = "7s"),
    rate_limit(name = "build.limit", max = 9)
)]
async fn declared(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[tokio::test]
async fn what_the_code_says_otherwise_is_a_fault_that_names_the_place() {
    apart(async {
        let found = faults(
            search()
                .breaker("build.breaker", |breaker| breaker.failures(3).recovery(secs(7)))
                .rate_limit("build.limit", |limit| limit.max(8)),
        );
        assert_eq!(found.len(), 2, "{found:#?}");
        let begins = "`breaker.failures` of \"build.breaker\" is 3 here but 2 at ";
        assert!(found[0].starts_with(begins), "{}", found[0]);
        assert!(found[0].contains("disagreements.rs:"), "{}", found[0]);
        let begins = "`rate_limit.max` of \"build.limit\" is 8 here but 9 at ";
        assert!(found[1].starts_with(begins), "{}", found[1]);
        // Also once the code's own has been used.
        declared(&Dependency::playing("")).await.unwrap();
        assert_eq!(
            faults(search().breaker("build.breaker", |breaker| breaker.failures(3))),
            ["`breaker.failures` of \"build.breaker\" is 3 here, but it is in use with 2; give it once, or the same twice"]
        );
    })
    .await;
}

#[resilient(breaker(name = "build.windowed", window_calls = 10))]
async fn windowed() -> Result<(), Failure> {
    Ok(())
}

#[tokio::test]
async fn what_breaks_a_rule_together_with_the_code_is_a_fault() {
    apart(async {
        let window = |breaker: BreakerPatch| breaker.window(Window::For(secs(5)));
        let found = faults(search().breaker("build.windowed", window));
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(
            found[0].starts_with("\"build.windowed\", defined at "),
            "{}",
            found[0]
        );
        let rule = "too: `window` and `window_calls` exclude each other; keep one of them";
        assert!(found[0].ends_with(rule), "{}", found[0]);
        windowed().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_an_earlier_policy_says_otherwise_is_a_fault() {
    apart(async {
        let failures = |failures| search().breaker("build.es", move |b| b.failures(failures));
        failures(3).build().unwrap();
        assert_eq!(
            faults(failures(4)),
            ["`breaker.failures` of \"build.es\" is 4 here, but it is in use with 3; give it once, or the same twice"]
        );
        let rate = search().breaker("build.es", |b| b.failure_rate(Ratio::literal(0.5)));
        assert_eq!(
            faults(rate),
            ["`breaker.failure_rate` of \"build.es\" is 0.5 here, but it is in use without it; give it once, or the same twice"]
        );
        // The same twice is well, and so is the name alone.
        failures(3).build().unwrap();
        search().breaker("build.es", |b| b).build().unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_default_spelled_out_agrees_with_one_left_out() {
    apart(async {
        let named = |name: &str| search().breaker(name, |b| b).build().unwrap();
        named("build.es");
        let same = search().breaker("build.es", |b| b.failures(5).recovery(secs(30)));
        same.build().unwrap();
        assert_eq!(
            faults(search().breaker("build.es", |b| b.failures(6))),
            [
                "`breaker.failures` of \"build.es\" is 6 here, but it is in use with its default, 5; \
                 give it once, or the same twice"
            ]
        );

        // Where another rule holds, the default rule does not.
        let rate = search().breaker("build.rate", |b| b.failure_rate(Ratio::literal(0.5)));
        rate.build().unwrap();
        assert_eq!(
            faults(search().breaker("build.rate", |b| b.failures(5))).len(),
            1
        );
    })
    .await;
}

#[tokio::test]
async fn faults_of_every_kind_come_at_once_and_nothing_has_been_made() {
    apart(async {
        let error = Policy::builder("not ok")
            .breaker("build.fresh", |breaker| breaker.failures(9))
            .rate_limit("build.limit", |limit| limit.max(8))
            .bulkhead("build.places", |bulkhead| bulkhead.max(0))
            .timeout(secs(9))
            .deadline(secs(5))
            .build()
            .unwrap_err();
        let found: Vec<_> = error.faults().collect();
        assert_eq!(found.len(), 4, "{found:#?}");
        let text = error.to_string();
        assert!(
            text.starts_with("the policy \"not ok\" can't be made: name \"not ok\""),
            "{text}"
        );
        assert!(found.iter().all(|fault| text.contains(fault)), "{text}");

        let well_but_for_one = search()
            .breaker("build.fresh", |breaker| breaker.failures(9))
            .rate_limit("build.limit", |limit| limit.max(8));
        assert_eq!(faults(well_but_for_one).len(), 1);
        let registry = registry();
        assert!(registry.breakers().is_empty() && registry.bulkheads().is_empty());
        assert!(registry.rate_limits().is_empty());
    })
    .await;
}
