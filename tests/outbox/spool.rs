//! Entries that wait on the disk for Redis.

use std::collections::BTreeSet;

use steadfast_tests::redis::{Folder, Server, free_port};

use super::{Payment, Shop, emptied, eventually};

fn files(folder: &Folder) -> Vec<u64> {
    let files = std::fs::read_dir(folder.path()).unwrap();
    files
        .map(|it| it.unwrap().metadata().unwrap().len())
        .collect()
}

#[tokio::test]
async fn entries_are_kept_on_the_disk_while_redis_is_out_and_follow_when_it_is_back() {
    let (port, folder) = (free_port(), Folder::new().unwrap());
    let shop = Shop::at_url(&format!("redis://127.0.0.1:{port}")).await;
    let outbox = shop.outbox().await.spool(folder.path()).unwrap();
    for order in 0..50 {
        outbox.push(&Payment { order }).await.unwrap();
    }
    assert_eq!((outbox.counts().spooled, outbox.counts().queued), (50, 0));
    assert!(files(&folder)[0] > 50 * 50, "{:?}", files(&folder));
    let _server = Server::options().port(port).start();
    shop.connects().await;
    outbox.push(&Payment { order: 50 }).await.unwrap();
    let worker = shop.work(&outbox, |_| Ok(()));
    eventually("all", || worker.had().len() >= 51).await;
    emptied(&outbox).await;
    let done: BTreeSet<u64> = worker.had().into_iter().collect();
    assert_eq!(done, (0..=50).collect());
    eventually("an empty spool", || files(&folder) == [0]).await;
}

#[tokio::test]
async fn the_spool_of_a_process_that_is_gone_is_taken_over() {
    let (port, folder) = (free_port(), Folder::new().unwrap());
    let url = format!("redis://127.0.0.1:{port}");
    {
        let gone = Shop::at_url(&url).await;
        let outbox = gone.outbox().await.spool(folder.path()).unwrap();
        outbox.push(&Payment { order: 7 }).await.unwrap();
        gone.steadfast.stop().await;
    }
    let _server = Server::options().port(port).start();
    let shop = Shop::at_url(&url).await;
    shop.connects().await;
    let mut taken_over = None;
    eventually("the end of the other", || {
        // The other's file is free once its last task has ended.
        if files(&folder).iter().filter(|length| **length > 0).count() == 1 {
            taken_over = Some(());
        }
        taken_over.is_some()
    })
    .await;
    let outbox = shop.outbox().await.spool(folder.path()).unwrap();
    let worker = shop.work(&outbox, |_| Ok(()));
    eventually("the entry", || worker.had() == [7]).await;
    eventually("its file's end", || files(&folder) == [0]).await;
}
