//! Bulkheads: so many inside, the rest in their order.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use steadfast::{Bulkhead, registry, resilient};
use steadfast_tests::{Dependency, Failure, apart, ms, poll_once, secs};
use tokio::time::{Instant, sleep};

use super::{bulkhead_full, crowd, cut, guarded, spawn};

/// A dependency that knows how many are inside.
#[derive(Default)]
struct Room {
    inside: AtomicUsize,
    most: AtomicUsize,
    entered: AtomicUsize,
}

impl Room {
    /// Says as the how manyth this one entered.
    async fn visit(&self, time: Duration) -> usize {
        let inside = self.inside.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(inside, Ordering::Relaxed);
        let entered = self.entered.fetch_add(1, Ordering::Relaxed);
        sleep(time).await;
        self.inside.fetch_sub(1, Ordering::Relaxed);
        entered
    }
}

#[resilient(bulkhead(name = "places.ten", max = 10, wait = "1s"))]
async fn visit(room: &Room, time: Duration) -> Result<usize, Failure> {
    Ok(room.visit(time).await)
}

/// Thirty callers at once: what each came to, and when.
async fn thirty(room: &Arc<Room>, time: Duration) -> Vec<(Result<usize, Failure>, Duration)> {
    let began = Instant::now();
    let calls = (0..30).map(|_| {
        let room = room.clone();
        async move { (visit(&room, time).await, began.elapsed()) }
    });
    crowd(calls).await
}

// The words: 10 places, 30 callers, `wait = "1s"`: ≤ 10 inside at any time, the rest in
// order …
#[tokio::test(start_paused = true)]
async fn of_30_callers_at_10_places_at_most_10_are_inside_and_the_rest_follow_in_order() {
    apart(async {
        let room = Arc::default();
        let results = thirty(&room, ms(300)).await;
        for (caller, (result, at)) in results.into_iter().enumerate() {
            let turn = u32::try_from(caller / 10).unwrap() + 1;
            assert_eq!((result, at), (Ok(caller), ms(300) * turn));
        }
        assert_eq!(room.most.load(Ordering::Relaxed), 10);
        let status = registry().bulkhead("places.ten").status();
        assert_eq!((status.active, status.waiting, status.max), (0, 0, 10));
    })
    .await;
}

// … nobody waits for ever.
#[tokio::test(start_paused = true)]
async fn who_finds_no_place_within_the_wait_is_refused_when_it_is_over() {
    apart(async {
        let room = Arc::default();
        let results = thirty(&room, ms(600)).await;
        for (caller, result) in results.into_iter().enumerate() {
            match caller {
                0..20 => assert_eq!(result.0, Ok(caller)),
                _ => assert_eq!(result, (Err(bulkhead_full("places.ten", 10)), secs(1))),
            }
        }
        assert_eq!(room.most.load(Ordering::Relaxed), 10);
        assert_eq!(registry().bulkhead("places.ten").status().active, 0);
    })
    .await;
}

// … a leaver's turn passes on.
#[tokio::test(start_paused = true)]
async fn a_leavers_turn_passes_to_the_next() {
    apart(async {
        let room = Arc::<Room>::default();
        let tasks: Vec<_> = (0..14)
            .map(|_| {
                let room = room.clone();
                spawn(async move { visit(&room, ms(500)).await })
            })
            .collect();
        sleep(ms(100)).await;
        // The first who waits, one in the midst, and one that is inside.
        for leaver in [10, 12, 3] {
            tasks[leaver].abort();
        }
        let mut entered = Vec::new();
        for task in tasks {
            entered.push(task.await.ok().and_then(Result::ok));
        }
        let left = |caller: usize| [10, 12, 3].contains(&caller);
        for (caller, entered) in entered.iter().enumerate().take(11) {
            assert_eq!(*entered, (!left(caller)).then_some(caller));
        }
        assert_eq!(entered[11..], [Some(10), None, Some(11)]);
        assert_eq!(registry().bulkhead("places.ten").status().active, 0);
    })
    .await;
}

// The same at the worst moment: when it has been woken for the place, and has not looked yet.
#[tokio::test(start_paused = true)]
async fn a_leaver_that_was_woken_passes_its_turn_on() {
    apart(async {
        let bulkhead = registry().bulkhead("places.woken");
        let all: Vec<_> = (0..10).map(|_| bulkhead.try_enter().unwrap()).collect();
        let mut leaver = Box::pin(bulkhead.enter());
        assert!(poll_once(leaver.as_mut()).is_pending());
        let second = bulkhead.clone();
        let second = spawn(async move { second.enter().await.map(drop) });
        tokio::task::yield_now().await;
        assert_eq!(bulkhead.status().waiting, 2);
        drop(all); // wakes the leaver
        drop(leaver);
        let began = Instant::now();
        second.await.unwrap().unwrap();
        assert_eq!(began.elapsed(), secs(0));
    })
    .await;
}

// First come first served: who asks later does not overtake, not even when a place is free.
#[tokio::test(start_paused = true)]
async fn a_newcomer_does_not_take_the_place_of_who_waits_for_it() {
    apart(async {
        let bulkhead = registry().bulkhead("places.newcomer");
        let mut all: Vec<_> = (0..10).map(|_| bulkhead.try_enter().unwrap()).collect();
        let mut waiting = pin!(bulkhead.enter());
        assert!(poll_once(waiting.as_mut()).is_pending());
        all.pop();
        assert!(bulkhead.try_enter().is_err());
        let place = waiting.await.unwrap();
        assert!(bulkhead.try_enter().is_err());
        drop(place);
        assert!(bulkhead.try_enter().is_ok());
    })
    .await;
}

// Several places that come free at once let as many in.
#[tokio::test(start_paused = true)]
async fn places_that_come_free_together_all_find_who_waits_for_them() {
    apart(async {
        let bulkhead = registry().bulkhead("places.together");
        let all: Vec<_> = (0..10).map(|_| bulkhead.try_enter().unwrap()).collect();
        let enter = |bulkhead: Bulkhead| async move { bulkhead.enter().await };
        let tasks: Vec<_> = (0..5).map(|_| spawn(enter(bulkhead.clone()))).collect();
        sleep(ms(1)).await;
        assert_eq!(bulkhead.status().waiting, 5);
        drop(all);
        sleep(ms(1)).await;
        let status = bulkhead.status();
        assert_eq!((status.active, status.waiting), (5, 0));
        for task in tasks {
            drop(task.await.unwrap().unwrap());
        }
    })
    .await;
}

// 10 of the contract: a wait for a place that runs into the deadline is `DeadlineExceeded`, and the
// breaker counts nothing.
#[tokio::test(start_paused = true)]
async fn a_wait_for_a_place_that_runs_into_the_deadline_is_deadline_exceeded() {
    let call = guarded!(
        breaker(name = "places.deadline", failures = 1),
        bulkhead(name = "places.deadline", max = 1),
        deadline = "2s",
        retry(max = 5, base = "0s", on(transient, timeout, rejected))
    );
    apart(async {
        let _place = registry().bulkhead("places.deadline").try_enter().unwrap();
        let dependency = Dependency::playing("");
        let began = Instant::now();
        assert_eq!(call(&dependency).await, Err(cut(secs(2))));
        assert_eq!((began.elapsed(), dependency.runs()), (secs(2), 0));
        let status = registry().breaker("places.deadline").status();
        assert_eq!(status.failures, 0);
        assert_eq!(registry().bulkhead("places.deadline").status().waiting, 0);
    })
    .await;
}

// Handles wait as long as it takes, but not past the deadline of the call around.
#[tokio::test(start_paused = true)]
async fn a_handle_does_not_wait_for_a_place_past_the_deadline_around() {
    #[resilient(deadline = "5s")]
    async fn around() -> Result<Duration, Failure> {
        let began = Instant::now();
        let refused = registry().bulkhead("places.handle").enter().await;
        assert!(refused.is_err());
        Ok(began.elapsed())
    }

    apart(async {
        let bulkhead = registry().bulkhead("places.handle");
        let all: Vec<_> = (0..10).map(|_| bulkhead.try_enter().unwrap()).collect();
        assert_eq!(around().await, Ok(secs(5)));
        drop(all);
        assert_eq!(bulkhead.status().waiting, 0);
    })
    .await;
}
