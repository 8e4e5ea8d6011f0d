//! How many may wait at a bulkhead.

use std::pin::pin;
use std::sync::Arc;

use steadfast::registry;
use steadfast_tests::{Dependency, apart, poll_once, secs};
use tokio::time::{Instant, sleep};

use super::{bulkhead_full, crowd, guarded};

#[tokio::test(start_paused = true)]
async fn who_finds_the_queue_full_is_refused_at_once() {
    let call = guarded!(bulkhead(
        name = "queues.two",
        max = 1,
        queue = 2,
        wait = "10s"
    ));
    apart(async {
        let began = Instant::now();
        let dependency = Arc::new(Dependency::playing("").taking(secs(1)));
        let calls = (0..5).map(|_| {
            let dependency = dependency.clone();
            async move { (call(&dependency).await, began.elapsed()) }
        });
        let refused = || (Err(bulkhead_full("queues.two", 1)), secs(0));
        assert_eq!(
            crowd(calls).await,
            [
                (Ok(1), secs(1)),
                (Ok(2), secs(2)),
                (Ok(3), secs(3)),
                refused(),
                refused()
            ]
        );
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn with_a_queue_of_zero_nobody_waits() {
    let call = guarded!(bulkhead(
        name = "queues.zero",
        max = 1,
        queue = 0,
        wait = "10s"
    ));
    apart(async {
        let _place = registry().bulkhead("queues.zero").try_enter().unwrap();
        let began = Instant::now();
        let refused = Err(bulkhead_full("queues.zero", 1));
        assert_eq!(call(&Dependency::playing("")).await, refused);
        assert_eq!(began.elapsed(), secs(0));
    })
    .await;
}

// Who leaves the queue makes room in it.
#[tokio::test(start_paused = true)]
async fn a_leaver_makes_room_in_the_queue() {
    let call = guarded!(bulkhead(
        name = "queues.room",
        max = 1,
        queue = 1,
        wait = "10s"
    ));
    apart(async {
        let place = registry().bulkhead("queues.room").try_enter().unwrap();
        let dependency = Dependency::playing("");
        {
            let mut leaver = pin!(call(&dependency));
            assert!(poll_once(leaver.as_mut()).is_pending());
            call(&dependency).await.unwrap_err();
        }
        let (result, ()) = tokio::join!(call(&dependency), async {
            sleep(secs(1)).await;
            drop(place);
        });
        assert_eq!(result, Ok(1));
    })
    .await;
}

// The queue belongs to the bulkhead: all calls that name it stand in it.
#[tokio::test(start_paused = true)]
async fn calls_that_name_one_bulkhead_stand_in_one_queue() {
    let one = guarded!(bulkhead(name = "queues.shared", max = 1, queue = 1));
    let other = guarded!(bulkhead = "queues.shared");
    apart(async {
        let _place = registry().bulkhead("queues.shared").try_enter().unwrap();
        let dependency = Dependency::playing("");
        let mut waiting = pin!(one(&dependency));
        assert!(poll_once(waiting.as_mut()).is_pending());
        let refused = Err(bulkhead_full("queues.shared", 1));
        assert_eq!(other(&dependency).await, refused);
        assert!(registry().bulkhead("queues.shared").enter().await.is_err());
    })
    .await;
}
