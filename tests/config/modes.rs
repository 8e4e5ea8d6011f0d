//! Modes by configuration: how teams dare to switch a policy on, and how they get rid of one in a
//! hurry.

use steadfast::tower::PolicyLayer;
use steadfast::{Policy, Rejection, State, registry, resilient};
use steadfast_tests::{Dependency, Failure, secs, site};
use tokio::time::Instant;
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

use super::{Apart, value};

#[resilient(
    name = "config.modes.call",
    breaker(name = "config.modes", failures = 1),
    bulkhead(name = "config.modes", max = 1, wait = "0s"),
    timeout = "1s"
)]
async fn call(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

fn is_refused(result: &Result<usize, Failure>) -> bool {
    matches!(result, Err(Failure::Rejected(_)))
}

#[tokio::test(start_paused = true)]
async fn a_call_goes_from_observe_to_enforce_to_off_without_losing_its_breakers_state() {
    let apart = Apart::of("config.modes");
    let mode = |mode: &str| format!("[call.'config.modes.call']\nmode = '{mode}'\n");
    let steadfast = apart.start("a.toml", &mode("observe")).await.unwrap();
    let change = |to: &str| {
        apart.write("a.toml", mode(to));
        steadfast.reload().unwrap();
    };
    let inside = async {
        call(&Dependency::playing("F")).await.unwrap_err();
        call(&Dependency::playing("S")).await.unwrap();
        assert_eq!(site("config.modes.call").calls().would_reject, 1);
        change("enforce");
        assert!(is_refused(&call(&Dependency::playing("S")).await));
        change("off");
        let slow = Dependency::playing("S").taking(secs(9));
        assert_eq!(call(&slow).await, Ok(1));
        let breaker = registry().breaker("config.modes");
        assert_eq!(breaker.state(), State::Open);
        change("enforce");
        assert!(is_refused(&call(&Dependency::playing("S")).await));
        let calls = site("config.modes.call").calls();
        assert_eq!((calls.ok, calls.rejected, calls.would_reject), (2, 2, 1));
    };
    apart.scope(inside).await;
}

#[tokio::test(start_paused = true)]
async fn a_named_policy_is_switched_off_wherever_it_is_used() {
    let apart = Apart::of("config.modes");
    let steadfast = apart
        .start("a.toml", "breaker.'config.modes'.mode = 'off'")
        .await
        .unwrap();
    let inside = async {
        call(&Dependency::playing("F")).await.unwrap_err();
        call(&Dependency::playing("S")).await.unwrap();
        let place = registry().bulkhead("config.modes").try_enter().unwrap();
        assert!(is_refused(&call(&Dependency::playing("S")).await));
        drop(place);
        apart.write("a.toml", "bulkhead.'config.modes'.mode = 'observe'");
        steadfast.reload().unwrap();
        let _place = registry().bulkhead("config.modes").try_enter().unwrap();
        call(&Dependency::playing("S")).await.unwrap();
        call(&Dependency::playing("F")).await.unwrap_err();
        assert!(is_refused(&call(&Dependency::playing("S")).await));
    };
    apart.scope(inside).await;
}

#[tokio::test(start_paused = true)]
async fn one_variable_switches_all_off_and_a_name_beats_it() {
    let apart = Apart::with(
        "config.modes",
        &[
            ("STEADFAST_MODE", "off"),
            ("STEADFAST_BREAKER__CONFIG_KEPT__MODE", "enforce"),
        ],
    );
    let inside = async {
        let began = Instant::now();
        let slow = Dependency::playing("S").taking(secs(9));
        assert_eq!(call(&slow).await, Ok(1));
        assert_eq!(began.elapsed(), secs(9));
        assert_eq!(
            value("config.modes.call", "mode").unwrap(),
            "off — STEADFAST_MODE"
        );
        let breaker = registry().breaker("config.any");
        breaker.force_open();
        breaker.admit().unwrap().failure();
        let kept = registry().breaker("config.kept");
        kept.force_open();
        let refused = kept.admit().unwrap_err();
        assert!(matches!(refused, Rejection::CircuitOpen { .. }));
        registry().rate_limit("config.any").try_acquire().unwrap();
        assert_eq!(registry().rate_limit("config.any").status().used, 0);
    };
    apart.scope(inside).await;
}

#[tokio::test]
async fn a_wrong_mode_is_an_error_at_its_place() {
    let apart = Apart::with("config.modes", &[("STEADFAST_MODE", "of")]);
    let faults = apart
        .faults("a.toml", "call.'config.modes.call'.mode = 'observed'")
        .await;
    assert_eq!(
        faults,
        [
            "a.toml:1:33: `mode`: unknown value \"observed\"; did you mean \"observe\"?",
            "STEADFAST_MODE: unknown value \"of\"; did you mean \"off\"?",
        ]
    );
}

// An operator's switch must not stop a program from starting.
#[tokio::test]
async fn a_layer_with_keys_can_be_made_while_all_is_off() {
    let apart = Apart::with("config.modes", &[("STEADFAST_MODE", "off")]);
    apart
        .scope(async {
            let policy = Policy::builder("config.modes.layer")
                .rate_limit("config.modes.layer", |limit| limit.max(1))
                .breaker("config.modes.layer", |breaker| breaker.failures(1))
                .build()
                .unwrap();
            let layer = PolicyLayer::new(policy)
                .limit_key(|request: &u32| *request)
                .breaker_key(|request: &u32| *request);
            let echo = service_fn(|request: u32| async move { Ok::<_, Failure>(request) });
            let mut service = layer.layer(echo);
            for _ in 0..3 {
                assert_eq!(service.ready().await.unwrap().call(7).await.unwrap(), 7);
            }
        })
        .await;
}
