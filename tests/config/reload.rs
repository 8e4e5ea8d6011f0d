//! Changes while calls run: nothing is lost, nothing is mixed, and a bad file changes nothing.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use steadfast::{Policy, Rejection, State, Steadfast, current, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, listen, secs, site};

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

/// Waits for something that another thread does, for a bounded time.
fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

async fn watching(apart: &Apart, path: &Path) -> Steadfast {
    apart
        .scope(async {
            steadfast::setup()
                .config_file(path)
                .watch()
                .start()
                .await
                .unwrap()
        })
        .await
}

async fn threshold(apart: &Apart) -> u32 {
    let status = apart.scope(async { registry().breaker("config.reload").status() });
    status.await.failure_threshold.unwrap()
}

fn failures(count: u32) -> String {
    format!("breaker.'config.reload'.failures = {count}")
}

#[tokio::test]
async fn a_watch_sees_edits_in_place_renames_over_the_file_and_its_return() {
    let apart = Apart::of("config.reload");
    let path = apart.write("a.toml", failures(11));
    let steadfast = watching(&apart, &path).await;
    apart.write("a.toml", failures(12));
    eventually("an edit in place", || steadfast.status().loaded == 2);
    assert_eq!(threshold(&apart).await, 12);

    let draft = apart.write("a.toml~", failures(13));
    fs::rename(&draft, &path).unwrap();
    eventually("a rename over the file", || steadfast.status().loaded == 3);
    assert_eq!(threshold(&apart).await, 13);

    fs::remove_file(&path).unwrap();
    eventually("a file that is gone", || steadfast.status().failed == 1);
    assert_eq!(threshold(&apart).await, 13);
    apart.write("a.toml", "[[broken");
    eventually("a broken file", || steadfast.status().failed == 2);
    apart.write("a.toml", failures(14));
    eventually("a file that is back", || steadfast.status().loaded == 4);
    assert_eq!(threshold(&apart).await, 14);

    steadfast.clone().stop().await;
    apart.write("a.toml", failures(15));
    steadfast.reload().unwrap(); // by hand it still goes
    assert_eq!(threshold(&apart).await, 15);
}

#[tokio::test]
async fn quick_changes_are_one_reload_of_the_last() {
    let apart = Apart::of("config.reload");
    let path = apart.write("a.toml", failures(11));
    let steadfast = watching(&apart, &path).await;
    for count in 12..=50 {
        apart.write("a.toml", failures(count));
    }
    let last = || {
        apart
            .registry
            .breaker("config.reload")
            .status()
            .failure_threshold
    };
    eventually("the last change", || last() == Some(50));
    let status = steadfast.status();
    assert!(status.loaded <= 4, "{status:?}");
    steadfast.stop().await;
}

// Kubernetes mounts a folder in which `..data` links to a folder with the files, and the files link
// into `..data`; an update renames another link over `..data`.
#[cfg(unix)]
#[tokio::test]
async fn a_watch_sees_links_that_are_turned_as_kubernetes_does() {
    use std::os::unix::fs::symlink;

    let apart = Apart::of("config.reload");
    let version = |name: &str, count| {
        fs::create_dir(apart.path(name)).unwrap();
        fs::write(apart.path(name).join("a.toml"), failures(count)).unwrap();
    };
    version("..one", 11);
    symlink("..one", apart.path("..data")).unwrap();
    symlink("..data/a.toml", apart.path("a.toml")).unwrap();
    let steadfast = watching(&apart, &apart.path("a.toml")).await;
    for (name, count, loaded) in [("..two", 12, 2), ("..three", 13, 3)] {
        version(name, count);
        symlink(name, apart.path("..data_tmp")).unwrap();
        fs::rename(apart.path("..data_tmp"), apart.path("..data")).unwrap();
        eventually(name, || steadfast.status().loaded == loaded);
        assert_eq!(threshold(&apart).await, count);
    }
    fs::remove_dir_all(apart.path("..one")).unwrap();
    assert_eq!(steadfast.status().failed, 0);
    steadfast.stop().await;
}

#[tokio::test]
async fn a_watch_without_a_file_is_an_error_and_sets_nothing_up() {
    let apart = Apart::of("config.reload");
    apart
        .scope(async {
            let error = steadfast::setup().watch().start().await.unwrap_err();
            assert!(error.to_string().contains("add a `config_file`"), "{error}");
            steadfast::setup().start().await.unwrap();
        })
        .await;
}

// A call that always fails sees one version: as many attempts as that allows, each with its time.
#[resilient(
    name = "config.crowd.call",
    breaker(name = "config.crowd", counts(permanent)),
    rate_limit(name = "config.crowd", max = 4_000_000_000, per = "1h"),
    bulkhead(name = "config.crowd", max = 64),
    retry(max = 2, base = "0s"),
    timeout = "100s"
)]
async fn crowd(left: &RefCell<Vec<Duration>>) -> Result<(), Failure> {
    left.borrow_mut().push(current().time_left().unwrap());
    Err(TRANSIENT)
}

async fn call_until(over: &AtomicBool) -> u64 {
    let mut calls = 0;
    while !over.load(Ordering::Relaxed) {
        let left = RefCell::default();
        crowd(&left).await.unwrap_err();
        let left = left.into_inner();
        let even = left.len() == 2 && left.iter().all(|left| *left <= secs(100));
        let odd = left.len() == 4 && left.iter().all(|left| *left > secs(150));
        assert!(even || odd, "{left:?}");
        calls += 1;
    }
    calls
}

#[tokio::test]
async fn nothing_is_mixed_or_lost_in_1000_reloads_while_two_threads_call() {
    let apart = Apart::of("config.crowd");
    let text = |n: u64| {
        let (attempts, timeout) = (2 + n % 2 * 2, 100 + n % 2 * 100);
        format!(
            "[call.'config.crowd.call']\ntimeout = '{timeout}s'\nretry.max = {attempts}\n\
             [breaker.'config.crowd']\nfailures = {}\n[rate_limit.'config.crowd']\nmax = {}\n\
             [bulkhead.'config.crowd']\nmax = {}\n",
            n % 900 + 2,
            4_000_000_000 - n,
            64 + n % 7
        )
    };
    let steadfast = apart.start("a.toml", &text(0)).await.unwrap();
    let registry = &apart.registry;
    registry.breaker("config.crowd").admit().unwrap().failure();
    let over = AtomicBool::new(false);
    let calls: u64 = std::thread::scope(|scope| {
        let call = || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build();
            runtime.unwrap().block_on(apart.scope(call_until(&over)))
        };
        let threads = [scope.spawn(call), scope.spawn(call)];
        for n in 1..=1000 {
            apart.write("a.toml", text(n));
            steadfast.reload().unwrap();
            let breaker = registry.breaker("config.crowd").status();
            assert_eq!(breaker.failure_threshold, Some((n % 900 + 2) as u32));
        }
        over.store(true, Ordering::Relaxed);
        threads.map(|thread| thread.join().unwrap()).iter().sum()
    });
    assert!(calls > 1000, "{calls}");
    apart
        .scope(async {
            assert_eq!(site("config.crowd.call").calls().transient, calls);
            assert_eq!(registry.bulkhead("config.crowd").status().active, 0);
            assert_eq!(registry.breaker("config.crowd").state(), State::Closed);
        })
        .await;
    assert_eq!(steadfast.status().loaded, 1001);
}

#[tokio::test]
async fn reloads_keep_no_memory_in_a_registry_apart() {
    let apart = Apart::of("config.reload");
    let steadfast = apart.start("a.toml", &failures(1)).await.unwrap();
    apart
        .scope(async { call(&Dependency::playing("S")).await.unwrap() })
        .await;
    let text = |n: u32| {
        format!(
            "{}\n[call.'config.reload.call']\ntimeout = '{}ms'",
            failures(n),
            1000 + n
        )
    };
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
