//! Breakers by key: one bad host does not open the circuit for all.

use std::pin::pin;

use steadfast::{State, registry, resilient};
use steadfast_tests::{Dependency, Failure, TRANSIENT, apart, is_open, listen, poll_once, secs};
use tokio::time::advance;
use tracing::Level;

#[resilient(breaker(name = "by_key", key = host, max_keys = 3, failures = 2))]
async fn fetch(host: &str, dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

async fn play(host: &str, script: &str) {
    let dependency = Dependency::playing(script);
    for _ in 0..script.len() {
        let _ = fetch(host, &dependency).await;
    }
    assert_eq!(dependency.runs(), script.len());
}

async fn is_refused(host: &str) -> bool {
    is_open(&fetch(host, &Dependency::playing("")).await)
}

// The words: one bad host or tenant does not open it for all.
#[tokio::test(start_paused = true)]
async fn one_bad_host_opens_no_circuit_but_its_own() {
    apart(async {
        play("bad", "FF").await;
        assert!(is_refused("bad").await);
        for _ in 0..10 {
            play("good", "SF").await;
        }
        let breaker = registry().breaker("by_key");
        assert_eq!(breaker.state(), State::Closed);
        advance(secs(30)).await;
        play("bad", "SS").await;
        assert_eq!(breaker.for_key("bad").unwrap().state(), State::Closed);
    })
    .await;
}

// 3, 4, 8: a key's breaker is one like any other.
#[tokio::test(start_paused = true)]
async fn the_breaker_of_a_key_is_probed_by_its_own_calls() {
    apart(async {
        play("one", "FF").await;
        play("two", "FF").await;
        advance(secs(30)).await;
        let hanging = Dependency::playing("HH");
        let mut probes = [pin!(fetch("one", &hanging)), pin!(fetch("one", &hanging))];
        for probe in &mut probes {
            assert!(poll_once(probe.as_mut()).is_pending());
        }
        assert!(is_refused("one").await);
        play("two", "SS").await;
        let breaker = registry().breaker("by_key");
        assert_eq!(breaker.for_key("one").unwrap().state(), State::HalfOpen);
        assert_eq!(breaker.for_key("two").unwrap().state(), State::Closed);
    })
    .await;
}

// Status stays bounded: count of keys open, the worst few by name.
#[tokio::test(start_paused = true)]
async fn status_tells_how_many_keys_are_open_and_the_worst_of_them() {
    #[resilient(breaker(name = "by_key.status", key = host, failures = 3))]
    async fn fetch(host: &str, dependency: &Dependency) -> Result<usize, Failure> {
        dependency.ask().await
    }

    apart(async {
        for host in 0..1000 {
            let failures = match host {
                7 | 8 => 3,
                500..600 => 2,
                600..700 => 1,
                _ => 0,
            };
            let dependency = Dependency::playing(&"F".repeat(failures));
            for _ in 0..failures.max(1) {
                let _ = fetch(&format!("host-{host}"), &dependency).await;
            }
        }
        let keys = registry().breaker("by_key.status").status().keys;
        assert_eq!((keys.held, keys.open, keys.worst.len()), (1000, 2, 5));
        let mut open: Vec<_> = keys.worst[..2].iter().map(|key| &*key.key).collect();
        open.sort_unstable();
        assert_eq!(open, ["host-7", "host-8"]);
        assert!(keys.worst[..2].iter().all(|key| key.state == State::Open));
        for next in &keys.worst[2..] {
            assert_eq!((next.state, next.failures), (State::Closed, 2));
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_key_is_bounded_too() {
    apart(async {
        play(&"é".repeat(10_000), "FF").await;
        let worst = registry().breaker("by_key").status().keys.worst;
        assert_eq!(&*worst[0].key, format!("{}…", "é".repeat(64)));
    })
    .await;
}

// 2 of the contract: beyond `max_keys` a new key runs unguarded, with one warning.
#[tokio::test(start_paused = true)]
async fn beyond_max_keys_a_new_key_runs_unguarded_with_one_warning() {
    let ((), heard) = listen(apart(async {
        for host in ["a", "b", "c"] {
            play(host, "F").await;
        }
        play("d", "FFFFFFFF").await;
        play("e", "FFFFFFFF").await;
        assert_eq!(registry().breaker("by_key").status().keys.held, 3);
        // Those that are kept stay guarded.
        play("c", "F").await;
        assert!(is_refused("c").await);
    }))
    .await;
    let warnings: Vec<_> = heard
        .iter()
        .filter(|event| event.message.contains("unguarded"))
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(
        (warnings[0].level, warnings[0].field("breaker")),
        (Level::WARN, "by_key")
    );
    assert!(warnings[0].message.contains('3'), "{warnings:?}");
}

// 2 of the contract: only closed keys without counts make room.
#[tokio::test(start_paused = true)]
async fn only_a_closed_key_without_counts_makes_room() {
    apart(async {
        let breaker = registry().breaker("by_key");
        play("open", "FF").await;
        play("counting", "F").await;
        play("idle", "S").await;
        play("new", "F").await; // in the place of "idle"
        assert_eq!(breaker.status().keys.held, 3);
        assert!(is_refused("open").await);
        play("counting", "F").await;
        assert!(is_refused("counting").await);
        play("new", "F").await;
        assert!(is_refused("new").await);

        // All are open; once failures have aged out of one that closed, it makes room.
        play("unguarded", "FFF").await;
        advance(secs(30)).await;
        play("new", "SS").await;
        play("late", "FF").await;
        assert!(is_refused("late").await);
    })
    .await;
}

// A flood of keys keeps within the bound, and what is open stays open.
#[tokio::test(start_paused = true)]
async fn a_flood_of_keys_closes_no_open_circuit() {
    apart(async {
        let breaker = registry().breaker("by_key");
        play("bad", "FF").await;
        for n in 0..10_000 {
            fetch(&format!("n{n}"), &Dependency::playing(""))
                .await
                .unwrap();
            assert!(breaker.status().keys.held <= 3);
        }
        assert!(is_refused("bad").await);
    })
    .await;
}

// A call in flight keeps its key: its failure counts, whatever comes meanwhile.
#[tokio::test(start_paused = true)]
async fn the_key_of_a_call_in_flight_is_not_forgotten() {
    apart(async {
        let slow = Dependency::playing("FF").taking(secs(5));
        let (results, ()) = tokio::join!(
            async { tokio::join!(fetch("slow", &slow), fetch("slow", &slow)) },
            async {
                tokio::time::sleep(secs(1)).await;
                for n in 0..100 {
                    fetch(&format!("n{n}"), &Dependency::playing(""))
                        .await
                        .unwrap();
                }
            }
        );
        assert_eq!(results, (Err(TRANSIENT), Err(TRANSIENT)));
        assert!(is_refused("slow").await);
    })
    .await;
}

// `guards = "call"`, and the retry: each call asks its key's breaker.
#[tokio::test(start_paused = true)]
async fn a_breaker_by_key_may_guard_calls_or_attempts() {
    #[resilient(
        breaker(name = "by_key.around", key = host, failures = 1, guards = "call"),
        retry(max = 3, base = "1s")
    )]
    async fn around(host: String, dependency: &Dependency) -> Result<usize, Failure> {
        let _ = host;
        dependency.ask().await
    }

    #[resilient(
        breaker(name = "by_key.inside", key = host, failures = 2),
        retry(max = 3, base = "1s")
    )]
    async fn inside(host: String, dependency: &Dependency) -> Result<usize, Failure> {
        let _ = host;
        dependency.ask().await
    }

    apart(async {
        let dependency = Dependency::playing("FFF");
        assert_eq!(around("a".into(), &dependency).await, Err(TRANSIENT));
        assert!(is_open(&around("a".into(), &dependency).await));
        assert_eq!(around("b".into(), &dependency).await, Ok(4));
        let dependency = Dependency::playing("FF");
        assert!(is_open(&inside("a".into(), &dependency).await));
        assert_eq!(inside("b".into(), &dependency).await, Ok(3));
    })
    .await;
}
