//! Variables without a setup, and names that variables can't tell apart.

use steadfast::{registry, resilient};
use steadfast_tests::{Dependency, Failure, listen, secs};

use super::{Apart, value};

#[resilient(
    name = "config.vars.call",
    breaker(name = "config.vars", recovery_max = "10m"),
    timeout = "5s"
)]
async fn call(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[tokio::test(start_paused = true)]
async fn without_setup_good_variables_hold_and_each_bad_one_is_reported_once_and_ignored() {
    let variables = [
        ("STEADFAST_BREAKER__CONFIG_VARS__FAILURES", "2"),
        ("STEADFAST_BREAKER__CONFIG_VARS__RECOVERY", "11m"), // longer than its most
        ("STEADFAST_BREAKER__CONFIG_VARS__HALF_OPEN", "many"),
        ("STEADFAST_CALL__CONFIG_VARS_CALL__DEADLINE", "4s"), // shorter than the timeout
        ("STEADFAST_CALL__CONFIG_VARS_CALL__RETRY__MAX", "4"),
        ("STEADFAST_BRAKER__CONFIG_VARS__FAILURES", "4"),
        ("CONFIG_VARS_CIRCUIT_RECOVERY_SECONDS", "20"),
    ];
    let apart = Apart::with("config.vars", &variables);
    let ((), events) = listen(apart.scope(async {
        call(&Dependency::playing("F")).await.unwrap_err();
        call(&Dependency::playing("F")).await.unwrap_err();
        let status = registry().breaker("config.vars").status();
        assert_eq!(
            (status.failure_threshold, status.retry_in),
            (Some(2), Some(secs(20)))
        );
        assert_eq!(value("config.vars.call", "deadline"), None);
    }))
    .await;
    let told: Vec<_> = events
        .iter()
        .filter(|event| event.target == "steadfast::config")
        .map(|event| event.message.as_str())
        .collect();
    assert_eq!(told.len(), 5, "{told:#?}");
    for start in [
        "ignored: STEADFAST_BREAKER__CONFIG_VARS__HALF_OPEN: \"many\" is no count",
        "ignored: STEADFAST_BRAKER__CONFIG_VARS__FAILURES: unknown variable; did you mean STEADFAST_BREAKER__CONFIG_VARS__FAILURES?",
        "ignored: STEADFAST_BREAKER__CONFIG_VARS__RECOVERY: recovery_max 10m is shorter than the recovery of 11m",
        "ignored: STEADFAST_CALL__CONFIG_VARS_CALL__DEADLINE: timeout 5s is longer than the deadline of 4s",
        "ignored: STEADFAST_CALL__CONFIG_VARS_CALL__RETRY__MAX: \"config.vars.call\" has no `retry`",
    ] {
        assert!(
            told.iter().any(|told| told.starts_with(start)),
            "{start}\n{told:#?}"
        );
    }
}

mod alike {
    use super::*;

    #[resilient(name = "config.alike.a-b", breaker = "config.alike:x")]
    pub(super) async fn one() -> Result<(), Failure> {
        Ok(())
    }

    #[resilient(name = "config.alike.a_b", breaker = "config.alike.x")]
    pub(super) async fn other() -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test]
async fn two_names_that_fall_together_in_variables_are_an_error_that_says_so() {
    let apart = Apart::of("config.alike");
    apart
        .scope(async {
            alike::one().await.unwrap();
            alike::other().await.unwrap();
        })
        .await;
    let faults = apart.faults("a.toml", "# nothing").await;
    assert_eq!(faults.len(), 2, "{faults:#?}");
    assert!(
        faults[0].starts_with("the calls \"config.alike.a-b\" at "),
        "{}",
        faults[0]
    );
    assert!(
        faults[0].contains("are both CONFIG_ALIKE_A_B in variables"),
        "{}",
        faults[0]
    );
    assert_eq!(
        faults[0].matches("variables.rs:").count(),
        2,
        "{}",
        faults[0]
    );
    assert!(
        faults[1].starts_with("the breakers \"config.alike.x\" at "),
        "{}",
        faults[1]
    );
}

mod twice {
    use super::*;

    #[resilient(
        name = "config.twice.one",
        breaker(name = "config.twice", failures = 3)
    )]
    pub(super) async fn one() -> Result<(), Failure> {
        Ok(())
    }

    #[resilient(
        name = "config.twice.other",
        breaker(name = "config.twice", failures = 4)
    )]
    pub(super) async fn other() -> Result<(), Failure> {
        Ok(())
    }
}

#[tokio::test]
async fn one_breaker_defined_differently_in_two_places_is_an_error_that_names_both() {
    let apart = Apart::of("config.twice");
    apart
        .scope(async {
            twice::one().await.unwrap();
            twice::other().await.unwrap();
        })
        .await;
    let faults = apart.faults("a.toml", "# nothing").await;
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert!(
        faults[0].starts_with("`breaker.failures` of \"config.twice\" is 3 at "),
        "{}",
        faults[0]
    );
    assert_eq!(
        faults[0].matches("variables.rs:").count(),
        2,
        "{}",
        faults[0]
    );
}
