//! What workers do with entries.

use std::io::{Error, ErrorKind};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use steadfast::outbox::OutboxError;
use steadfast::{Backoff, Jitter, Outbox, Registry, Rejection, current, registry, resilient};
use steadfast_tests::redis::Server;
use steadfast_tests::{ms, secs};

use super::{Payment, Shop, emptied, eventually};

#[tokio::test]
async fn entries_are_handed_to_one_worker_each_whoever_pushed_them() {
    let server = Server::start();
    let (one, other) = (Shop::at(&server).await, Shop::at(&server).await);
    one.connects().await;
    other.connects().await;
    let (pushes, works) = (one.outbox().await, other.outbox().await);
    let workers = [
        other.work(&works, |_| Ok(())),
        other.work(&works, |_| Ok(())),
    ];
    for order in 0..100 {
        pushes.push(&Payment { order }).await.unwrap();
    }
    emptied(&works).await;
    let mut done = [workers[0].had(), workers[1].had()].concat();
    done.sort_unstable();
    assert_eq!(done, (0..100).collect::<Vec<_>>());
    assert_eq!(pushes.counts().queued, 100);
    eventually("the counts", || works.counts().delivered == 100).await;
}

#[tokio::test]
async fn what_fails_is_tried_again_and_given_up_after_its_attempts() {
    let server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let outbox = shop.outbox().await;
    let id = outbox.push(&Payment { order: 7 }).await.unwrap();
    outbox.push(&Payment { order: 8 }).await.unwrap();
    let worker = shop.work(&outbox, |order| match order {
        7 => Err(ErrorKind::ConnectionReset.into()),
        _ => Ok(()),
    });
    eventually("a dead letter", || outbox.counts().dead == 1).await;
    assert_eq!(worker.had().iter().filter(|order| **order == 7).count(), 3);
    let counts = outbox.counts();
    assert_eq!((counts.delivered, counts.retried), (1, 2));
    let dead = outbox.dead(10).await.unwrap();
    assert_eq!((dead.len(), &dead[0].id, dead[0].attempts), (1, &id, 3));
    assert_eq!(dead[0].work, Ok(Payment { order: 7 }));
    assert_eq!(
        (&*dead[0].class, &*dead[0].error),
        ("transient", "connection reset")
    );

    // Replayed, it has all its attempts again.
    assert!(outbox.replay(&dead[0].letter).await.unwrap());
    assert!(!outbox.replay(&dead[0].letter).await.unwrap());
    eventually("its death again", || outbox.counts().dead == 2).await;
    let again = outbox.dead(10).await.unwrap();
    assert_eq!((again.len(), &again[0].id), (1, &id));
    assert!(outbox.discard(&again[0].letter).await.unwrap());
    assert_eq!(outbox.depth().await.unwrap().dead, 0);
}

#[tokio::test]
async fn what_will_fail_again_and_what_panics_go_to_the_dead_letters() {
    let server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let outbox = shop.outbox().await;
    outbox.push(&Payment { order: 1 }).await.unwrap();
    outbox.push(&Payment { order: 2 }).await.unwrap();
    let _worker = shop.work(&outbox, |order| match order {
        1 => Err(ErrorKind::PermissionDenied.into()),
        _ => panic!("order {order}"),
    });
    eventually("both dead letters", || outbox.counts().dead == 2).await;
    let mut dead = outbox.dead(10).await.unwrap();
    dead.sort_by_key(|it| it.attempts);
    assert_eq!((dead[0].attempts, &*dead[0].class), (1, "permanent"));
    assert_eq!(dead[1].error, "the handler panicked: order 2");
    assert_eq!(dead[1].attempts, 3);
}

#[tokio::test]
async fn an_entry_of_another_type_is_a_dead_letter_and_no_panic() {
    let server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let texts = shop.registry.scope(Outbox::<String>::open("payments"));
    let texts = texts.await.unwrap();
    texts.push(&"no payment".to_owned()).await.unwrap();
    let outbox = shop.outbox().await;
    let worker = shop.work(&outbox, |_| Ok(()));
    eventually("a dead letter", || outbox.counts().dead == 1).await;
    assert_eq!(worker.had(), [0_u64; 0]);
    let dead = outbox.dead(10).await.unwrap();
    assert!(dead[0].work.as_ref().unwrap_err().contains("invalid type"));
    assert!(
        dead[0]
            .error
            .starts_with("the entry can't be read any more")
    );
    assert_eq!(
        texts.dead(10).await.unwrap()[0].work,
        Ok("no payment".into())
    );
}

#[tokio::test]
async fn a_worker_waits_while_the_breaker_is_open_and_burns_no_attempt() {
    static WELL: AtomicBool = AtomicBool::new(false);
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[resilient(
        name = "outbox.charge",
        breaker(
            name = "outbox.acme",
            failures = 2,
            recovery = "300ms",
            close_after = 1
        )
    )]
    async fn charge(_: &Payment) -> std::io::Result<()> {
        RUNS.fetch_add(1, Ordering::Relaxed);
        if WELL.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(Error::from(ErrorKind::ConnectionReset))
    }

    let server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let outbox = shop.outbox().await;
    for order in 0..20 {
        outbox.push(&Payment { order }).await.unwrap();
    }
    let worker = outbox
        .worker(|payment: Payment| async move { charge(&payment).await })
        .max_attempts(4)
        .concurrency(1);
    let work = shop.registry.scope(worker.into_future());
    let inner = shop.registry.clone();
    let watch = async {
        tokio::time::sleep(ms(1500)).await;
        // Two failures open it; then a probe at each recovery, and nothing else.
        assert!(RUNS.load(Ordering::Relaxed) <= 8, "{RUNS:?}");
        assert_eq!(outbox.counts().dead, 0);
        WELL.store(true, Ordering::Relaxed);
        eventually("all of it", || outbox.counts().delivered == 20).await;
    };
    tokio::select! {
        ended = work => panic!("{ended:?}"),
        () = inner.scope(watch) => {}
    }
    assert_eq!(outbox.counts().dead, 0);
}

/// An error as many write it, which shows nobody the rejection that it is.
#[derive(Debug, thiserror::Error)]
enum Opaque {
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error("the bank is away")]
    Away,
}

#[tokio::test]
async fn a_worker_waits_for_the_breaker_also_where_the_error_hides_the_rejection() {
    static WELL: AtomicBool = AtomicBool::new(false);
    static RUNS: AtomicU32 = AtomicU32::new(0);

    #[resilient(
        name = "outbox.opaque",
        breaker(
            name = "outbox.bank",
            failures = 1,
            recovery = "200ms",
            close_after = 1
        )
    )]
    async fn pay(_: &Payment) -> Result<(), Opaque> {
        RUNS.fetch_add(1, Ordering::Relaxed);
        if WELL.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(Opaque::Away)
    }

    let server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let outbox = shop.outbox().await;
    for order in 0..5 {
        outbox.push(&Payment { order }).await.unwrap();
    }
    // Each refusal that counted as an attempt would be followed by the next in a moment, and soon by the end.
    let worker = outbox
        .worker(|payment: Payment| async move { pay(&payment).await })
        .backoff(Backoff::new(ms(1)).jitter(Jitter::None))
        .max_attempts(50)
        .concurrency(1);
    let work = shop.registry.scope(worker.into_future());
    let inner = shop.registry.clone();
    let watch = async {
        tokio::time::sleep(secs(1)).await;
        assert!(RUNS.load(Ordering::Relaxed) <= 10, "{RUNS:?}");
        WELL.store(true, Ordering::Relaxed);
        eventually("all of it", || outbox.counts().delivered == 5).await;
        // A failed probe is an attempt; nothing else was one.
        assert!(outbox.counts().retried <= 10, "{:?}", outbox.counts());
    };
    tokio::select! {
        ended = work => panic!("{ended:?}"),
        () = inner.scope(watch) => {}
    }
    assert_eq!(outbox.counts().dead, 0);
}

#[tokio::test]
async fn the_key_of_the_push_is_that_of_each_delivery_and_of_the_first_call_that_asks() {
    #[resilient(name = "outbox.keyed")]
    async fn keyed() -> std::io::Result<String> {
        Ok(current().idempotency_key().to_string())
    }

    #[resilient(name = "outbox.pushes")]
    async fn pushes(outbox: &Outbox<Payment>) -> std::io::Result<String> {
        outbox
            .push(&Payment { order: 1 })
            .await
            .map_err(Error::other)?;
        Ok(current().idempotency_key().to_string())
    }

    let server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let outbox = shop.outbox().await;
    let key = shop.registry.scope(pushes(&outbox)).await.unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    let worker = outbox
        .worker(move |_| {
            let noted = noted.clone();
            async move {
                let outside = current().idempotency_key().to_string();
                let keys = [outside, keyed().await?, keyed().await?];
                let mut noted = noted.lock().unwrap();
                noted.push(keys);
                match noted.len() {
                    1 => Err(Error::from(ErrorKind::ConnectionReset)),
                    _ => Ok(()),
                }
            }
        })
        .backoff(Backoff::new(ms(10)));
    let work = tokio::spawn(shop.registry.scope(worker.into_future()));
    eventually("both attempts", || seen.lock().unwrap().len() == 2).await;
    work.abort();
    for keys in &*seen.lock().unwrap() {
        assert_eq!((&keys[0], &keys[1]), (&key, &key));
        assert_ne!(keys[2], key, "a second call is another one");
    }
}

#[tokio::test]
async fn a_worker_that_is_told_to_stop_finishes_what_it_has() {
    let server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let outbox = shop.outbox().await;
    for order in 0..3 {
        outbox.push(&Payment { order }).await.unwrap();
    }
    let (end, ended) = tokio::sync::oneshot::channel::<()>();
    let begun = Arc::new(AtomicU32::new(0));
    let noted = begun.clone();
    let worker = outbox
        .worker(move |_| {
            noted.fetch_add(1, Ordering::Relaxed);
            async {
                tokio::time::sleep(ms(300)).await;
                Ok::<(), Error>(())
            }
        })
        .concurrency(2)
        .until(async { drop(ended.await) });
    let work = tokio::spawn(shop.registry.scope(worker.into_future()));
    eventually("two", || begun.load(Ordering::Relaxed) == 2).await;
    end.send(()).unwrap();
    tokio::time::timeout(secs(10), work)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let counts = outbox.counts();
    assert!((2..=3).contains(&counts.delivered), "{counts:?}");
    let left = 3 - counts.delivered;
    assert_eq!(outbox.depth().await.unwrap().waiting, left);
}

#[tokio::test]
async fn a_push_that_can_not_be_kept_says_why() {
    let apart = Registry::new();
    let error = apart
        .scope(Outbox::<Payment>::open("payments"))
        .await
        .unwrap_err();
    assert!(matches!(error, OutboxError::NoRedis { .. }), "{error}");
    let error = apart
        .scope(Outbox::<Payment>::open("pay ments"))
        .await
        .unwrap_err();
    assert!(matches!(error, OutboxError::BadName(_)), "{error}");

    let mut server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let texts = shop
        .registry
        .scope(Outbox::<String>::open("texts"))
        .await
        .unwrap();
    let large = texts
        .push(&"x".repeat(10_000_000))
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        large,
        "queue texts: an entry of 10000002 bytes is over the limit of 1048576; keep what is large \
         elsewhere, and push a reference to it"
    );
    server.kill();
    shop.loses().await;
    let outbox = shop.outbox().await;
    let error = outbox.push(&Payment { order: 1 }).await.unwrap_err();
    assert!(matches!(error, OutboxError::Unavailable { .. }), "{error}");
    assert_eq!(outbox.counts().queued, 0);
    let _ = registry();
}
