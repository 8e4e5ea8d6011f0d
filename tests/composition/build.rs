//! What a builder refuses by itself: all at once.

use std::time::Duration;

use steadfast::options::{Algorithm, Ratio, Window};
use steadfast::{Name, Policy, PolicyBuilder, Retrying};
use steadfast_tests::{apart, secs};

pub(super) fn faults(builder: PolicyBuilder) -> Vec<String> {
    let error = builder.build().expect_err("a policy that can't be made");
    error.faults().map(str::to_owned).collect()
}

pub(super) fn search() -> PolicyBuilder {
    Policy::builder("build.search")
}

#[tokio::test]
async fn each_bad_name_is_a_fault() {
    apart(async {
        let found = faults(
            Policy::builder("two words")
                .breaker("es/1", |breaker| breaker)
                .rate_limit("", |limit| limit)
                .bulkhead(&"x".repeat(129), |bulkhead| bulkhead),
        );
        let characters = r#"a name is made of letters, digits and ".", "_", ":", "-""#;
        assert_eq!(
            found,
            [
                format!("name \"two words\" holds ' '; {characters}"),
                format!("`breaker.name`: name \"es/1\" holds '/'; {characters}"),
                "`rate_limit.name`: a name can't be empty".into(),
                "`bulkhead.name`: a name has at most 128 characters; this one has 129".into(),
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_name_given_in_two_ways_is_a_fault() {
    apart(async {
        let other = Name::new("build.other").unwrap();
        let found = faults(search().breaker("build.es", |breaker| breaker.name(other)));
        assert_eq!(
            found,
            ["`breaker` is named \"build.es\" and, among its options, \"build.other\"; leave the latter out"]
        );
    })
    .await;
}

#[tokio::test]
async fn zero_and_what_is_out_of_range_are_faults() {
    apart(async {
        let found = faults(
            search()
                .breaker("build.es", |breaker| {
                    breaker.failures(0).recovery(Duration::ZERO)
                })
                .retry(|retry| retry.max(0))
                .rate_limit("build.quota", |limit| {
                    limit.max(0).per(Duration::ZERO).burst(0)
                })
                .bulkhead("build.places", |bulkhead| bulkhead.max(0))
                .timeout(Duration::ZERO)
                .deadline(Duration::MAX),
        );
        let options = [
            "timeout",
            "deadline",
            "breaker.failures",
            "breaker.recovery",
            "retry.max",
            "rate_limit.max",
            "rate_limit.per",
            "rate_limit.burst",
            "bulkhead.max",
        ];
        for option in options {
            let begins = format!("`{option}`: ");
            let of_it = found.iter().filter(|fault| fault.starts_with(&begins));
            assert_eq!(of_it.count(), 1, "{option} in {found:#?}");
        }
        assert_eq!(found.len(), options.len(), "{found:#?}");
    })
    .await;
}

#[tokio::test]
async fn any_length_of_time_in_range_is_taken_to_the_nanosecond() {
    apart(async {
        for nanos in [1, 999, 1_000_001, 1_234_567_891, 86_400_000_000_001] {
            let limit = Duration::from_nanos(nanos);
            let policy = search().timeout(limit).build().unwrap();
            let text = format!("{:?}", policy.info().settings());
            assert!(text.contains(&format!("{limit:?}")), "{text}");
        }
        let zero = |limit: Duration| search().retry(|retry| retry.base(limit)).build();
        assert!(zero(Duration::ZERO).is_ok());
    })
    .await;
}

#[tokio::test]
async fn options_that_contradict_each_other_are_faults() {
    apart(async {
        let found = faults(
            search()
                .breaker("build.es", |breaker| {
                    breaker.window(Window::For(secs(5))).window_calls(10)
                })
                .rate_limit("build.quota", |limit| {
                    limit.algorithm(Algorithm::SlidingWindow).burst(3)
                })
                .timeout(secs(9))
                .deadline(secs(5)),
        );
        assert_eq!(found.len(), 3, "{found:#?}");
        assert!(found.contains(&"timeout 9s is longer than the deadline of 5s".into()));
        assert!(
            found.contains(
                &"`window` and `window_calls` exclude each other; keep one of them".into()
            )
        );
        assert!(
            found.iter().any(|fault| fault.contains("burst")),
            "{found:#?}"
        );
    })
    .await;
}

#[tokio::test]
async fn what_belongs_to_the_code_is_a_fault() {
    apart(async {
        let found = faults(
            search()
                .breaker("build.es", |breaker| breaker.key("host"))
                .retry(|retry| retry.notify("note").share("order")),
        );
        assert_eq!(
            found,
            [
                "`breaker.key` belongs to the attribute; leave it out",
                "`retry.notify` is a function; give it to the builder's own `notify`",
                "`retry.share` belongs to the attribute; leave it out",
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn a_notify_without_a_retry_is_a_fault() {
    fn note(_: &Retrying<'_>) {}
    apart(async {
        let found = faults(search().notify(note));
        assert_eq!(found, ["`notify` is told of retries; add `retry(…)`"]);
        assert!(search().notify(note).retry(|retry| retry).build().is_ok());
    })
    .await;
}

#[tokio::test]
async fn a_method_called_again_adds_and_overrides() {
    apart(async {
        let policy = search()
            .breaker("build.es", |breaker| breaker.failures(3).half_open(1))
            .breaker("build.es2", |breaker| {
                breaker.failure_rate(Ratio::literal(0.5))
            })
            .retry(|retry| retry.max(4).base(secs(1)))
            .retry(|retry| retry.max(2))
            .timeout(secs(3))
            .timeout(secs(2))
            .build()
            .unwrap();
        let settings = policy.info().settings();
        let settings: Vec<_> = settings
            .iter()
            .map(|set| format!("{} = {}", set.path, set.value))
            .collect();
        // Trip rules are one group: the rate replaces the count.
        assert_eq!(
            settings,
            [
                "timeout = 2s",
                "breaker.name = build.es2",
                "breaker.failure_rate = 0.5",
                "breaker.half_open = 1",
                "retry.max = 2",
                "retry.base = 1s",
            ]
        );
    })
    .await;
}
