//! Workers and Redis that go away.

use std::collections::BTreeSet;
use std::sync::Arc;

use steadfast_tests::ms;
use steadfast_tests::redis::Server;

use super::{Payment, Shop, emptied, eventually};

#[tokio::test]
async fn what_a_crashed_worker_held_is_taken_over() {
    let server = Server::start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let outbox = shop.outbox().await;
    for order in 0..5 {
        outbox.push(&Payment { order }).await.unwrap();
    }
    // It takes entries and never finishes: a future that hangs stands for a process that is gone.
    let hung = outbox
        .worker(|_: Payment| std::future::pending::<std::io::Result<()>>())
        .concurrency(2);
    let hung = tokio::spawn(shop.registry.scope(hung.into_future()));
    tokio::time::sleep(ms(300)).await;
    hung.abort();
    let worker = shop.work(&outbox, |_| Ok(()));
    emptied(&outbox).await;
    let done: BTreeSet<u64> = worker.had().into_iter().collect();
    assert_eq!(done, (0..5).collect());
    assert_eq!(outbox.counts().claimed, 2);
}

#[tokio::test]
async fn a_worker_outlives_redis_and_the_loss_of_its_group() {
    let mut server = Server::options().appendonly().start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let outbox = shop.outbox().await;
    let worker = shop.work(&outbox, |_| Ok(()));
    outbox.push(&Payment { order: 1 }).await.unwrap();
    eventually("the first", || worker.had() == [1]).await;
    server.kill();
    shop.loses().await;
    server.restart();
    shop.connects().await;
    outbox.push(&Payment { order: 2 }).await.unwrap();
    eventually("the second", || worker.had().contains(&2)).await;
    server.command(&["FLUSHALL"]);
    outbox.push(&Payment { order: 3 }).await.unwrap();
    eventually("the third", || worker.had().contains(&3)).await;
}

#[tokio::test]
async fn after_an_outage_nothing_goes_over_a_connection_from_before_it() {
    let mut server = Server::options().appendonly().start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let outbox = shop.outbox().await;
    for order in 0..4 {
        // Nobody else uses the queue's connection, so nobody sees that it is dead.
        outbox.push(&Payment { order }).await.unwrap();
        server.kill();
        shop.loses().await;
        server.restart();
        shop.connects().await;
    }
    assert_eq!(outbox.counts().queued, 4);
}

/// The small version of the drill: thousands of entries, while Redis and workers are killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_entry_is_lost_while_redis_and_workers_are_killed() {
    const ENTRIES: u64 = 3000;
    let mut server = Server::options().appendonly().start();
    let shop = Shop::at(&server).await;
    shop.connects().await;
    let outbox = shop.outbox().await;
    let pushed = tokio::spawn({
        let outbox = outbox.clone();
        async move {
            let mut acknowledged = BTreeSet::new();
            for order in 0..ENTRIES {
                if outbox.push(&Payment { order }).await.is_ok() {
                    acknowledged.insert(order);
                } else {
                    tokio::time::sleep(ms(5)).await;
                }
            }
            acknowledged
        }
    });
    let done = Arc::default();
    let work = || shop.work_noting(Arc::clone(&done), &outbox, |_| Ok(()));
    let mut worker = work();
    for _ in 0..3 {
        tokio::time::sleep(ms(300)).await;
        server.kill();
        tokio::time::sleep(ms(50)).await;
        server.restart();
        tokio::time::sleep(ms(200)).await;
        drop(worker);
        worker = work();
    }
    let acknowledged = pushed.await.unwrap();
    shop.connects().await;
    emptied(&outbox).await;
    let delivered: BTreeSet<u64> = worker.had().into_iter().collect();
    let lost: Vec<_> = acknowledged.difference(&delivered).collect();
    assert!(lost.is_empty(), "lost {lost:?}");
    assert!(
        acknowledged.len() as u64 > ENTRIES / 3,
        "{}",
        acknowledged.len()
    );
}
