//! `current()`: what a body knows of its call.

use std::sync::Mutex;

use steadfast::{current, resilient};
use steadfast_tests::{Failure, TRANSIENT, apart, ms, secs};
use tokio::time::sleep;

use super::spawn;

/// Fails so often.
#[resilient(
    retry(max = 3, base = "1s", jitter = "none"),
    timeout = "2s",
    deadline = "4s"
)]
async fn noting<T: Send>(
    failures: u32,
    seen: &Mutex<Vec<T>>,
    note: fn() -> T,
) -> Result<u32, Failure> {
    seen.lock().unwrap().push(note());
    sleep(ms(100)).await;
    seen.lock().unwrap().push(note());
    match current().attempt() {
        attempt if attempt <= failures => Err(TRANSIENT),
        attempt => Ok(attempt),
    }
}

async fn noted<T: Send>(failures: u32, note: fn() -> T) -> Vec<T> {
    let seen = Mutex::default();
    let result = noting(failures, &seen, note).await;
    assert_eq!(result, Ok(failures + 1));
    seen.into_inner().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_body_knows_the_number_of_its_attempt() {
    apart(async {
        let attempts = noted(2, || current().attempt()).await;
        assert_eq!(attempts, [1, 1, 2, 2, 3, 3]);
    })
    .await;
}

// The attempt's own timeout at first, then what the deadline leaves of it.
#[tokio::test(start_paused = true)]
async fn a_body_knows_the_time_it_has_left() {
    apart(async {
        let left = noted(2, || current().time_left().unwrap()).await;
        let wanted = [2000, 1900, 2000, 1900, 800, 700];
        assert_eq!(left, wanted.map(ms));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn without_any_limit_there_is_no_time_left_to_speak_of() {
    #[resilient(retry)]
    async fn unlimited() -> Result<(), Failure> {
        assert_eq!(current().time_left(), None);
        sleep(secs(86_400)).await;
        assert_eq!(current().time_left(), None);
        Ok(())
    }

    apart(async { unlimited().await.unwrap() }).await;
}

// 7 of the contract: outside, attempt 0, no limit, a fresh key.
#[tokio::test(start_paused = true)]
async fn outside_of_any_call_there_is_attempt_0_no_limit_and_a_fresh_key() {
    apart(async {
        let outside = || {
            assert_eq!((current().attempt(), current().time_left()), (0, None));
            let (one, other) = (current().idempotency_key(), current().idempotency_key());
            assert_ne!(one, other);
        };
        outside();
        noted(1, || ()).await;
        outside();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_idempotency_key_is_the_same_for_all_attempts_and_another_for_each_call() {
    apart(async {
        let note = || current().idempotency_key().to_string();
        let (one, other) = (noted(2, note).await, noted(2, note).await);
        for keys in [&one, &other] {
            assert_eq!(keys.len(), 6);
            assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        }
        assert_ne!(one[0], other[0]);
        assert_eq!(one[0].len(), 32);
        assert!(one[0].bytes().all(|byte| byte.is_ascii_hexdigit()));
    })
    .await;
}

// A call of its own is a call of its own, wherever it is made.
#[tokio::test(start_paused = true)]
async fn a_nested_call_has_attempts_and_a_key_of_its_own() {
    #[resilient(retry(max = 2, base = "0s"))]
    async fn outer() -> Result<(), Failure> {
        let (attempt, key) = (current().attempt(), current().idempotency_key());
        let (inner_attempt, inner_key) = inner().await?;
        assert_eq!(inner_attempt, 1);
        assert_ne!(inner_key, key);
        assert_eq!(
            (current().attempt(), current().idempotency_key()),
            (attempt, key)
        );
        if attempt == 1 { Err(TRANSIENT) } else { Ok(()) }
    }

    #[resilient]
    async fn inner() -> Result<(u32, steadfast::IdempotencyKey), Failure> {
        tokio::task::yield_now().await;
        Ok((current().attempt(), current().idempotency_key()))
    }

    apart(async { outer().await.unwrap() }).await;
}

// Calls that take turns on one thread do not see each other.
#[tokio::test(start_paused = true)]
async fn calls_that_run_side_by_side_do_not_mix() {
    apart(async {
        let note = || (current().idempotency_key().to_string(), current().attempt());
        let (one, two, three) = tokio::join!(noted(0, note), noted(1, note), noted(2, note));
        let mut keys = [&one, &two, &three].map(|notes| {
            assert!(notes.iter().all(|(key, _)| *key == notes[0].0));
            notes[0].0.clone()
        });
        keys.sort();
        assert!(keys[0] != keys[1] && keys[1] != keys[2]);
        let attempts: Vec<_> = three.iter().map(|(_, attempt)| *attempt).collect();
        assert_eq!(attempts, [1, 1, 2, 2, 3, 3]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_scope_carries_attempt_time_and_key_into_a_spawned_task() {
    #[resilient(retry(max = 2, base = "0s"), timeout = "3s")]
    async fn spawning() -> Result<(), Failure> {
        let told = || {
            let current = current();
            (
                current.attempt(),
                current.time_left(),
                current.idempotency_key(),
            )
        };
        sleep(secs(1)).await;
        let here = told();
        assert_eq!(here.1, Some(secs(2)));
        let there = spawn(current().scope(async move {
            tokio::task::yield_now().await;
            told()
        }));
        assert_eq!(there.await.unwrap(), here);
        if here.0 == 1 { Err(TRANSIENT) } else { Ok(()) }
    }

    apart(async { spawning().await.unwrap() }).await;
}

// A sync body knows the same.
#[test]
fn a_sync_body_knows_its_attempt_its_time_and_its_key() {
    #[resilient(retry(max = 3, base = "0s"), deadline = "1m")]
    fn call(keys: &Mutex<Vec<String>>) -> Result<u32, Failure> {
        let left = current().time_left().unwrap();
        assert!(left > secs(50) && left <= secs(60), "{left:?}");
        keys.lock()
            .unwrap()
            .push(current().idempotency_key().to_string());
        match current().attempt() {
            3 => Ok(3),
            _ => Err(TRANSIENT),
        }
    }

    let keys = Mutex::default();
    assert_eq!(call(&keys), Ok(3));
    let keys = keys.into_inner().unwrap();
    assert!(keys.len() == 3 && keys.iter().all(|key| *key == keys[0]));
    assert_eq!(current().attempt(), 0);
}
