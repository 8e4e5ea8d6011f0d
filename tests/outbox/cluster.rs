//! A queue whose slot moves from node to node.

use steadfast::Registry;
use steadfast_tests::redis::Cluster;

use super::{Payment, Shop, emptied, eventually};

async fn shop(cluster: &Cluster) -> Shop {
    let registry = Registry::new();
    registry.know_only("outbox.");
    let setup = async {
        let setup = steadfast::setup().redis_cluster(cluster.urls());
        setup.start().await
    };
    let steadfast = registry.scope(setup).await.unwrap();
    let shop = Shop {
        registry,
        steadfast,
    };
    shop.connects().await;
    shop
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_in_a_cluster_is_found_and_followed_to_other_nodes() {
    let cluster = Cluster::start();
    let shop = shop(&cluster).await;
    let outbox = shop.outbox().await;
    let worker = shop.work(&outbox, |_| Ok(()));
    let key = "{steadfast:q:payments}:s";
    for order in 0..3 {
        outbox.push(&Payment { order }).await.unwrap();
    }
    eventually("the first three", || worker.had().len() >= 3).await;

    let from = cluster.owner(key);
    for (order, hops) in [(3, 1), (4, 2)] {
        let to = (from + hops) % 3;
        cluster.move_key(key, to);
        assert_eq!(cluster.owner(key), to);
        // The next is pushed to the node that has the slot now, and read from there.
        outbox.push(&Payment { order }).await.unwrap();
        eventually("the next", || worker.had().contains(&order)).await;
    }
    emptied(&outbox).await;
    let mut had = worker.had();
    had.sort_unstable();
    assert_eq!(had, [0, 1, 2, 3, 4]);
}
