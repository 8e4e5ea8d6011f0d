//! Changes while calls run: nothing is lost, nothing is mixed, and a bad file changes nothing.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use steadfast::{Policy, Rejection, State, Steadfast, registry, resilient};
use steadfast_tests::{Dependency, Failure, listen, secs, site};

use super::{Apart, value};
use crate::allocations::kept;

#[resilient(
    name = "config.reload.call",
    breaker(name = "config.reload", failures = 5),
    rate_limit(name = "config.reload", max = 100, per = "1h"),
    bulkhead(name = "config.reload", max = 2, wait = "1h"),
    retry(max = 3, base = "1ms", jitter = "none", budget = "10%", budget_min = 1),
    timeout = "5s"
)]
async fn call(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

/// A registry set up with a file, to be changed.
struct Changing {
    apart: Apart,
    steadfast: Steadfast,
}

impl Changing {
    async fn from(text: &str) -> Self {
        let apart = Apart::of("config.reload");
        let steadfast = apart.start("a.toml", text).await.unwrap();
        Self { apart, steadfast }
    }

    fn change(&self, text: &str) {
        self.apart.write("a.toml", text);
        self.steadfast.reload().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn thresholds_change_and_counts_and_state_stay() {
    let changing = Changing::from("# nothing yet").await;
    let inside = async {
        let breaker = registry().breaker("config.reload");
        (0..3).for_each(|_| breaker.admit().unwrap().failure());
        changing.change("breaker.'config.reload'.failures = 9");
        assert_eq!(breaker.status().failures, 3);
        assert_eq!(breaker.status().failure_threshold, Some(9));
        // Fewer than are counted: the next one opens.
        changing.change("breaker.'config.reload'.failures = 2");
        assert_eq!(
            (breaker.state(), breaker.status().failures),
            (State::Closed, 3)
        );
        breaker.admit().unwrap().failure();
        assert_eq!(breaker.state(), State::Open);
        // It stays open, for the new time since it opened.
        changing.change("breaker.'config.reload'.recovery = '10s'");
        assert_eq!(breaker.status().retry_in, Some(secs(10)));
        tokio::time::advance(secs(10)).await;
        changing.change("[breaker.'config.reload']\nrecovery = '10s'\nclose_after = 1");
        breaker.admit().unwrap().success();
        assert_eq!(breaker.state(), State::Closed);
        breaker.force_open();
        changing.change("# nothing again");
        assert_eq!(breaker.state(), State::ForcedOpen);
        assert_eq!(breaker.status().failure_threshold, Some(5));
    };
    changing.apart.scope(inside).await;
}

#[tokio::test(start_paused = true)]
async fn another_window_starts_afresh_and_calls_under_way_count_in_it() {
    let rate = "failure_rate = 0.5\nmin_calls = 4\n";
    let changing = Changing::from(&format!("[breaker.'config.reload']\n{rate}")).await;
    let inside = async {
        let breaker = registry().breaker("config.reload");
        breaker.admit().unwrap().failure();
        (0..2).for_each(|_| breaker.admit().unwrap().success());
        let under_way = [breaker.admit().unwrap(), breaker.admit().unwrap()];
        assert_eq!(breaker.status().calls, 3);
        // Another rate goes on with the window there is.
        changing.change("[breaker.'config.reload']\nfailure_rate = 0.9\nmin_calls = 4\n");
        assert_eq!(breaker.status().calls, 3);
        changing.change(&format!("[breaker.'config.reload']\n{rate}window = '10s'"));
        assert_eq!(breaker.status().calls, 0);
        let [one, other] = under_way;
        one.success();
        other.failure();
        assert_eq!((breaker.status().calls, breaker.status().failures), (2, 1));
        changing.change(&format!(
            "[breaker.'config.reload']\n{rate}window_calls = 10"
        ));
        assert_eq!(breaker.status().calls, 0);
        (0..4).for_each(|_| breaker.admit().unwrap().failure());
        assert_eq!(breaker.state(), State::Open);
        // And from rates to a run of failures.
        breaker.reset();
        changing.change("# nothing");
        (0..5).for_each(|_| breaker.admit().unwrap().failure());
        assert_eq!(breaker.state(), State::Open);
    };
    changing.apart.scope(inside).await;
}

#[tokio::test(start_paused = true)]
async fn slowness_counts_for_calls_that_begin_after_it_was_asked_for() {
    let changing = Changing::from("# nothing").await;
    let inside = async {
        let breaker = registry().breaker("config.reload");
        let before = breaker.admit().unwrap();
        changing
            .change("[breaker.'config.reload']\nslow_call = '1s'\nslow_rate = 0.5\nmin_calls = 1");
        tokio::time::advance(secs(9)).await;
        before.success();
        assert_eq!(breaker.state(), State::Closed);
        let slow = Dependency::playing("S").taking(secs(2));
        call(&slow).await.unwrap();
        assert_eq!(breaker.state(), State::Open);
    };
    changing.apart.scope(inside).await;
}

#[tokio::test(start_paused = true)]
async fn keys_go_by_new_thresholds_too() {
    let changing = Changing::from("# nothing").await;
    let inside = async {
        let breakers = registry().breaker("config.reload");
        let one = breakers.for_key("one").unwrap();
        one.admit().unwrap().failure();
        let limits = registry().rate_limit("config.reload");
        limits.try_acquire_for("one").unwrap();
        changing.change(
            "breaker.'config.reload'.failures = 2\n[rate_limit.'config.reload']\nmax = 2\nmax_keys = 1",
        );
        one.admit().unwrap().failure();
        assert_eq!(one.state(), State::Open);
        let other = breakers.for_key("other").unwrap();
        assert_eq!(other.status().failure_threshold, Some(2));
        limits.try_acquire_for("one").unwrap();
        limits.try_acquire_for("one").unwrap_err();
        limits.try_acquire_for("other").unwrap_err(); // no room
    };
    changing.apart.scope(inside).await;
}

#[tokio::test(start_paused = true)]
async fn a_limit_keeps_what_is_used() {
    let changing = Changing::from("# nothing").await;
    let inside = async {
        let limit = registry().rate_limit("config.reload");
        (0..30).for_each(|_| limit.try_acquire().unwrap());
        changing.change("rate_limit.'config.reload'.max = 50");
        assert_eq!((limit.status().used, limit.status().left), (30, 20));
        changing.change("rate_limit.'config.reload'.max = 10");
        assert_eq!((limit.status().used, limit.status().left), (10, 0));
        changing.change("[rate_limit.'config.reload']\nmax = 20\nalgorithm = 'sliding_window'");
        assert_eq!((limit.status().used, limit.status().left), (10, 10));
        changing.change("[rate_limit.'config.reload']\nmax = 12\nalgorithm = 'sliding_window'");
        assert_eq!(limit.status().left, 2);
        changing.change("[rate_limit.'config.reload']\nmax = 36\nper = '1m'");
        assert_eq!((limit.status().used, limit.status().left), (10, 26));
        tokio::time::advance(secs(60)).await;
        assert_eq!(limit.status().left, 36);
    };
    changing.apart.scope(inside).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_token_is_served_by_the_new_rate() {
    let changing = Changing::from("[rate_limit.'config.reload']\nmax = 1\nper = '1h'").await;
    let inside = async {
        let limit = registry().rate_limit("config.reload");
        limit.try_acquire().unwrap();
        let waiting = async {
            let began = tokio::time::Instant::now();
            limit.acquire().await.unwrap();
            began.elapsed()
        };
        let change = async {
            tokio::time::sleep(secs(10)).await;
            changing.change("[rate_limit.'config.reload']\nmax = 1\nper = '1m'");
        };
        let (waited, ()) = tokio::join!(waiting, change);
        assert!(waited > secs(30) && waited <= secs(75), "{waited:?}");
    };
    changing.apart.scope(inside).await;
}

#[tokio::test(start_paused = true)]
async fn a_bulkhead_keeps_who_is_inside_and_lets_in_who_waits_when_it_grows() {
    let changing = Changing::from("# nothing").await;
    let inside = async {
        let bulkhead = registry().bulkhead("config.reload");
        let mut places = vec![bulkhead.try_enter().unwrap(), bulkhead.try_enter().unwrap()];
        let waiting = async { tokio::join!(bulkhead.enter(), bulkhead.enter()) };
        let change = async {
            assert_eq!(bulkhead.status().waiting, 2);
            changing.change("bulkhead.'config.reload'.max = 4");
        };
        let ((one, other), ()) = tokio::join!(waiting, change);
        places.extend([one.unwrap(), other.unwrap()]);
        changing.change("bulkhead.'config.reload'.max = 3");
        let status = bulkhead.status();
        assert_eq!((status.active, status.max), (4, 3));
        places.pop();
        bulkhead.try_enter().unwrap_err();
        places.pop();
        places.push(bulkhead.try_enter().unwrap());
    };
    changing.apart.scope(inside).await;
}

#[tokio::test(start_paused = true)]
async fn a_calls_own_counts_and_its_retry_budget_stay() {
    let changing = Changing::from("# nothing").await;
    let inside = async {
        let failing = Dependency::playing("FFFFFFFFFFFFFFF");
        for _ in 0..5 {
            call(&failing).await.unwrap_err();
            registry().breaker("config.reload").reset();
        }
        assert_eq!(site("config.reload.call").calls().transient, 5);
        changing.change("call.'config.reload.call'.retry.max = 2");
        assert_eq!(site("config.reload.call").calls().transient, 5);
        call(&Dependency::playing("FS")).await.unwrap_err(); // 10 retries in 10 s are spent
        assert_eq!(site("config.reload.call").calls().transient, 6);
    };
    changing.apart.scope(inside).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_under_way_goes_on_by_the_version_it_began_with() {
    let changing =
        Changing::from("call.'config.reload.call' = { timeout = '2s', retry.max = 2 }").await;
    let inside = async {
        let hung = Dependency::playing("HHHH");
        let under_way = async { (call(&hung).await, hung.runs()) };
        let change = async {
            tokio::time::sleep(secs(1)).await;
            changing.change("call.'config.reload.call' = { timeout = '1s', retry.max = 3 }");
        };
        let ((result, runs), ()) = tokio::join!(under_way, change);
        assert_eq!(result, Err(Rejection::Timeout { limit: secs(2) }.into()));
        assert_eq!(runs, 2);
        let hung = Dependency::playing("HHHH");
        assert_eq!(
            call(&hung).await,
            Err(Rejection::Timeout { limit: secs(1) }.into())
        );
        assert_eq!(hung.runs(), 3);
    };
    changing.apart.scope(inside).await;
}

#[tokio::test(start_paused = true)]
async fn a_policy_made_by_hand_is_reloaded_too() {
    let changing = Changing::from("# nothing").await;
    let inside = async {
        let policy = Policy::builder("config.reload.hand")
            .timeout(secs(5))
            .retry(|retry| retry.max(2).base(Duration::ZERO))
            .build()
            .unwrap();
        let same = policy.clone();
        let runs = AtomicU64::new(0);
        let fails = || async {
            runs.fetch_add(1, Ordering::Relaxed);
            Err::<(), _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
        };
        policy.call(fails).await.unwrap_err();
        changing.change("call.'config.reload.hand'.retry.max = 4");
        policy.call(fails).await.unwrap_err();
        assert_eq!(
            (runs.load(Ordering::Relaxed), same.calls().transient),
            (2 + 4, 2)
        );
        changing.change("# nothing");
        same.call(fails).await.unwrap_err();
        assert_eq!(
            (runs.load(Ordering::Relaxed), same.calls().transient),
            (2 + 4 + 2, 3)
        );
    };
    changing.apart.scope(inside).await;
}

#[tokio::test]
async fn a_bad_file_changes_nothing_is_told_and_does_not_stop_later_reloads() {
    let changing = Changing::from("breaker.'config.reload'.failures = 9").await;
    let (steadfast, apart) = (&changing.steadfast, &changing.apart);
    apart.write(
        "a.toml",
        "breaker.'config.reload'.failures = 'many'\n[braker]",
    );
    let (error, events) = listen(async { steadfast.reload().unwrap_err() }).await;
    assert_eq!(
        apart.told(&error),
        [
            "a.toml:1:36: `breaker.failures`: \"many\" is no count; write a whole number",
            "a.toml:2:2: unknown table \"braker\"; did you mean \"breaker\"?",
        ]
    );
    let told = &events[0];
    assert_eq!(
        (told.level, told.target),
        (tracing::Level::ERROR, "steadfast::config")
    );
    assert!(
        told.message.contains("a.toml:2:2: unknown table"),
        "{told:?}"
    );
    fs::remove_file(apart.path("a.toml")).unwrap();
    let error = steadfast.reload().unwrap_err();
    assert_eq!(apart.told(&error), ["a.toml: it does not exist"]);
    let threshold = || async {
        registry()
            .breaker("config.reload")
            .status()
            .failure_threshold
    };
    assert_eq!(apart.scope(threshold()).await, Some(9));
    let status = steadfast.status();
    assert_eq!(
        (status.loaded, status.failed, status.error),
        (1, 2, Some(error))
    );
    changing.change("breaker.'config.reload'.failures = 7");
    assert_eq!(apart.scope(threshold()).await, Some(7));
    let status = steadfast.status();
    assert_eq!((status.loaded, status.failed, status.error), (2, 2, None));
}

#[tokio::test]
async fn reloads_keep_no_memory_in_a_registry_apart() {
    let apart = Apart::of("config.reload");
    let text = |n: u32| {
        format!(
            "breaker.'config.reload'.failures = {n}\n[call.'config.reload.call']\ntimeout = '{}ms'",
            1000 + n
        )
    };
    let steadfast = apart.start("a.toml", &text(1)).await.unwrap();
    let once = async { call(&Dependency::playing("S")).await };
    apart.scope(once).await.unwrap();
    let round = |n| {
        apart.write("a.toml", text(n));
        steadfast.reload().unwrap();
    };
    (1..=20).for_each(round);
    let grown = kept(|| (21..=120).for_each(round)).cast_signed();
    assert!(grown < 20_000, "100 reloads keep {grown} bytes");
    assert_eq!(value_of(&apart).await, "1120ms — a.toml:3:11");
}

async fn value_of(apart: &Apart) -> String {
    let value = apart.scope(async { value("config.reload.call", "timeout") });
    value.await.unwrap()
}
