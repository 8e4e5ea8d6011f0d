//! A primary that is replaced, and a cluster whose slots move.

use std::time::Instant;

use steadfast_tests::redis::{Cluster, Sentinels, find, wait_for};
use steadfast_tests::{ms, secs};

use super::{Instance, at_once, pause};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_new_primary_never_heard_of_is_known_by_those_who_were_told() {
    let mut sentinels = Sentinels::start(ms(500));
    let (name, urls) = (sentinels.name(), sentinels.urls());
    let instance = Instance::with(|setup| setup.redis_sentinel(name, urls)).await;
    // One token every four seconds.
    let limit = instance.limit("failover.hint", |limit| {
        limit.max(5).per(secs(20)).probe(ms(200))
    });
    assert!(wait_for(secs(20), || !limit.status().degraded));
    let began = Instant::now();
    let mut taken = at_once(&limit, 7).await;
    assert!(taken >= 5, "{taken}");
    // The replica that takes over has lost all writes.
    let primary = sentinels.primary();
    let replica = 1 - primary;
    let servers = sentinels.servers();
    servers[replica].command(&["REPLICAOF", "NO", "ONE"]);
    servers[replica].command(&["FLUSHALL"]);
    servers[primary].kill();
    assert!(wait_for(secs(30), || limit.status().degraded));
    assert!(wait_for(secs(60), || !limit.status().degraded));
    // The first request says what was owed: the new primary gives no burst.
    let key = "{steadfast:rl:failover.hint:}";
    let end = Instant::now() + secs(60);
    while sentinels.servers()[replica].command(&["EXISTS", key]).int() != Some(1) {
        assert!(Instant::now() < end, "the new primary is not asked");
        taken += at_once(&limit, 10).await;
        pause(ms(50)).await;
    }
    taken += at_once(&limit, 10).await;
    let flowed = began.elapsed().as_secs_f64() / 4.0;
    assert!(
        (taken as f64) <= 5.0 + flowed,
        "{taken}, and {flowed} flowed in"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_whose_slot_moves_is_asked_at_its_new_node_without_a_token_too_many() {
    if find("redis-cli").is_none() {
        return eprintln!("skipped: there is no redis-cli");
    }
    let cluster = Cluster::start();
    let urls = cluster.urls();
    let instance = Instance::with(|setup| setup.redis_cluster(urls)).await;
    let limit = instance.limit("failover.slots", |limit| limit.max(40).per(secs(1000)));
    assert!(wait_for(secs(20), || !limit.status().degraded));
    let key = "{steadfast:rl:failover.slots:}";
    let mut taken = at_once(&limit, 10).await;
    assert_eq!(taken, 10);
    for _ in 0..2 {
        let to = (cluster.owner(key) + 1) % 3;
        cluster.move_key(key, to);
        taken += at_once(&limit, 10).await;
        assert!(!limit.status().degraded, "a moved slot is no outage");
        pause(ms(100)).await;
    }
    assert_eq!(taken, 30);
    taken += at_once(&limit, 30).await;
    assert_eq!(taken, 40);
}
