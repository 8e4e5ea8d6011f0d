//! Names, handles and registries: the contract's section 7.

use steadfast::{Registry, State, registry, resilient, sites};
use steadfast_tests::{Dependency, Failure, apart, is_open, listen, secs, site};
use tokio::time::advance;

#[resilient(
    name = "registry.defines",
    breaker(name = "registry.shared", failures = 2, recovery = "7s")
)]
async fn defines(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(name = "registry.names", breaker = "registry.shared", timeout = "5s")]
async fn names(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

// Calls that name a breaker share it; a call that only names it takes its definition.
#[tokio::test(start_paused = true)]
async fn calls_that_name_a_breaker_share_it_and_its_definition() {
    apart(async {
        names(&Dependency::playing("F")).await.unwrap_err();
        assert!(!is_open(&names(&Dependency::playing("F")).await));
        assert!(is_open(&defines(&Dependency::playing("")).await));
        let status = registry().breaker("registry.shared").status();
        assert_eq!(
            (status.failure_threshold, status.retry_in),
            (Some(2), Some(secs(7)))
        );
    })
    .await;
}

// `registry().breaker("es")` gives a handle: the same breaker that the calls use.
#[tokio::test(start_paused = true)]
async fn a_handle_is_the_breaker_that_calls_use() {
    apart(async {
        let breaker = registry().breaker("registry.shared");
        breaker.force_open();
        assert!(is_open(&names(&Dependency::playing("")).await));
        breaker.release();
        names(&Dependency::playing("F")).await.unwrap_err();
        assert_eq!(breaker.status().failures, 1);
        assert_eq!(breaker.clone().status(), breaker.status());
        assert_eq!(*breaker.name(), *"registry.shared");
    })
    .await;
}

// `admit() -> Permit`, with `success()`, `failure()`; a dropped permit counts as nothing.
#[tokio::test(start_paused = true)]
async fn a_permit_counts_as_its_holder_says_and_dropped_as_nothing() {
    apart(async {
        let breaker = registry().breaker("registry.shared");
        drop(breaker.admit().unwrap());
        assert_eq!(breaker.status().failures, 0);
        breaker.admit().unwrap().failure();
        assert_eq!(breaker.status().failures, 1);
        drop(breaker.admit().unwrap());
        assert_eq!(breaker.status().failures, 1);
        breaker.admit().unwrap().success();
        assert_eq!(breaker.status().failures, 0);
        breaker.admit().unwrap().failure();
        breaker.admit().unwrap().failure();
        assert_eq!(breaker.state(), State::Open);
        assert!(breaker.admit().is_err());

        advance(secs(7)).await;
        let probes = [breaker.admit().unwrap(), breaker.admit().unwrap()];
        assert_eq!(breaker.admit().unwrap_err().retry_in(), None);
        drop(probes);
        breaker.admit().unwrap().success();
        breaker.admit().unwrap().success();
        assert_eq!(breaker.state(), State::Closed);
    })
    .await;
}

// A permit can be held anywhere: it borrows nothing, and may end on another thread.
#[tokio::test]
async fn a_permit_may_end_on_another_thread() {
    let breaker = Registry::new().breaker("registry.thread");
    let permit = breaker.admit().unwrap();
    std::thread::spawn(|| permit.failure()).join().unwrap();
    assert_eq!(breaker.status().failures, 1);
}

// `registry().breaker("unknown")` creates it with the defaults.
#[tokio::test(start_paused = true)]
async fn an_unknown_breaker_is_made_with_the_defaults() {
    apart(async {
        let breaker = registry().breaker("registry.unknown");
        for _ in 0..4 {
            breaker.admit().unwrap().failure();
        }
        assert_eq!(breaker.state(), State::Closed);
        breaker.admit().unwrap().failure();
        let status = registry().breaker("registry.unknown").status();
        assert_eq!(
            (status.state, status.retry_in),
            (State::Open, Some(secs(30)))
        );
    })
    .await;
}

// At most 10,000 names.
#[tokio::test(start_paused = true)]
async fn a_registry_keeps_at_most_10_000_undeclared_names() {
    let apart = Registry::new();
    for n in 0..10_000 {
        apart.breaker(&format!("tenant-{n}")).force_open();
    }
    assert_eq!(apart.breakers().len(), 10_000);
    let (beyond, events) = listen(async { apart.breaker("one-more") }).await;
    beyond.force_open();
    assert_eq!(apart.breakers().len(), 10_000);
    assert_eq!(apart.breaker("one-more").state(), State::Closed);
    assert_eq!(events[0].field("name"), "one-more");
    assert!(events[0].message.contains("10000 names"), "{events:?}");

    // Known names and those that calls declare still find their breaker.
    assert_eq!(apart.breaker("tenant-7").state(), State::ForcedOpen);
    apart.breaker("registry.shared").force_open();
    assert_eq!(apart.breaker("registry.shared").state(), State::ForcedOpen);
}

#[tokio::test(start_paused = true)]
async fn breakers_are_listed_by_name() {
    let apart = Registry::new();
    for name in ["b", "c", "a", "b"] {
        let _ = apart.breaker(name);
    }
    let names: Vec<_> = apart
        .breakers()
        .iter()
        .map(|b| b.name().to_string())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
}

#[test]
fn a_name_that_is_none_is_refused_with_what_is_wrong() {
    for (name, what) in [
        ("", "can't be empty"),
        ("a b", "letters"),
        (&"x".repeat(129), "at most 128"),
    ] {
        let refused = std::panic::catch_unwind(|| Registry::new().breaker(name));
        let text = refused.unwrap_err().downcast::<String>().unwrap();
        assert!(text.contains(what), "{text}");
    }
    let longest = "Az09._:-".repeat(16);
    assert_eq!(*Registry::new().breaker(&longest).name(), *longest);
}

// Registries can be made apart from the global one.
#[tokio::test(start_paused = true)]
async fn a_scope_has_breakers_of_its_own() {
    let (one, other) = (Registry::new(), Registry::new());
    let fails = async || names(&Dependency::playing("F")).await.unwrap_err();
    one.scope(async {
        fails().await;
        fails().await;
        other.scope(fails()).await;
        assert!(is_open(&names(&Dependency::playing("")).await));
    })
    .await;
    assert_eq!(one.breaker("registry.shared").state(), State::Open);
    assert_eq!(other.breaker("registry.shared").status().failures, 1);
    let global = registry().breaker("registry.shared");
    assert_eq!(global.status().failures, 0);
    assert_eq!(
        one.scope_blocking(|| registry().breaker("registry.shared").state()),
        State::Open
    );
}

// A scope is left while what runs inside is pending, and entered again.
#[tokio::test(start_paused = true)]
async fn scopes_that_run_at_once_do_not_mix() {
    let [one, other] = [Registry::new(), Registry::new()];
    let script = |script| Dependency::playing(script).taking(secs(1));
    let (fails, succeeds) = (script("FF"), script("SS"));
    tokio::join!(
        one.scope(async {
            names(&fails).await.unwrap_err();
            names(&fails).await.unwrap_err();
        }),
        other.scope(async {
            names(&succeeds).await.unwrap();
            names(&succeeds).await.unwrap();
        }),
    );
    assert_eq!(one.breaker("registry.shared").state(), State::Open);
    assert_eq!(other.breaker("registry.shared").state(), State::Closed);
}

// Tasks that a scope spawns are outside of it; their futures can be wrapped too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawned_task_is_in_the_scope_that_wraps_it() {
    let apart = Registry::new();
    apart.breaker("registry.shared").force_open();
    let call = || async { names(&Dependency::playing("")).await };
    let wrapped = apart.clone();
    apart
        .scope(async move {
            assert!(!is_open(&tokio::spawn(call()).await.unwrap()));
            assert!(is_open(&tokio::spawn(wrapped.scope(call())).await.unwrap()));
        })
        .await;
}

// `sites()` lists every annotated call with file, line and its policy in force.
#[test]
fn sites_lists_calls_with_file_line_and_policy() {
    let named = site("registry.names");
    assert!(named.file().ends_with("registry.rs"), "{named:?}");
    assert!(named.is_async());
    assert_eq!(named.line(), site("registry.defines").line() + 5);
    let settings: Vec<_> = named
        .policy()
        .settings()
        .iter()
        .map(|set| format!("{} = {}", set.path, set.value))
        .collect();
    assert_eq!(
        settings,
        [
            "name = registry.names",
            "timeout = 5s",
            "breaker.name = registry.shared",
            "breaker.failures = 2",
            "breaker.recovery = 7s"
        ]
    );
    assert_eq!(
        named.policy().worst_case().to_string(),
        "5s (1 attempt × 5s)"
    );
    assert!(format!("{named:?}").contains("timeout"), "{named:?}");
}

#[test]
fn sites_are_in_the_order_of_file_and_line() {
    let places: Vec<_> = sites().map(|site| (site.file(), site.line())).collect();
    assert!(places.is_sorted());
    assert!(places.len() > 50);
}

// `sites()` counts the calls of the registry it is asked in.
#[tokio::test(start_paused = true)]
async fn sites_count_how_calls_ended() {
    apart(async {
        for letter in ["S", "S", "F", "P"] {
            let _ = names(&Dependency::playing(letter)).await;
        }
        let _ = names(&Dependency::playing("")).await;
        let calls = site("registry.names").calls();
        assert_eq!(
            (calls.ok, calls.transient, calls.permanent, calls.rejected),
            (2, 1, 1, 1)
        );
    })
    .await;
    let elsewhere = Registry::new().scope_blocking(|| site("registry.names").calls());
    assert_eq!(elsewhere, steadfast::CallCounts::default());
}
