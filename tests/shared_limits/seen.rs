//! What operators see of shared limits and bulkheads while Redis is away.

use std::time::Duration;

use serde_json::{Value, json};
use steadfast::Policy;
use steadfast::options::Scope;
use steadfast_tests::redis::{Server, wait_for};
use steadfast_tests::{ms, secs};

use super::{Instance, takes};
use crate::operate::served::Served;

fn events_about(events: &Value, text: &str) -> usize {
    let events = events["events"].as_array().unwrap().iter();
    let texts = events.filter_map(|event| event["text"].as_str());
    texts.filter(|it| it.contains(text)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_loss_of_redis_is_seen_in_limits_metrics_and_events_and_so_is_its_end() {
    let mut redis = Server::start();
    let instance = Instance::at(&redis.url()).await;
    let limit = instance.limit("seen.limit", |limit| limit.probe(ms(200)));
    Policy::builder("seen.defines")
        .registry(&instance.registry)
        .bulkhead("seen.places", |it| it.scope(Scope::Shared).max(4))
        .rate_limit("seen.local", |it| it)
        .build()
        .unwrap();
    let served = instance.registry.scope(Served::with_token()).await;
    let port = redis.port().to_string();
    let seen = async || {
        let limits = served.json("/api/limits").await["limits"].take();
        let metrics = served.text("/metrics").await;
        let gauge = |name: &str| {
            let line = format!("rate_limit_fallback_active{{name=\"{name}\"}} ");
            let value = metrics.lines().find_map(|it| it.strip_prefix(&line));
            value.unwrap_or("none").to_owned()
        };
        json!([
            limits["rateLimits"]["seen.limit"]["degraded"],
            limits["bulkheads"]["seen.places"]["degraded"],
            limits["rateLimits"]["seen.local"]["degraded"],
            gauge("seen.limit"),
            gauge("seen.local"),
        ])
    };
    assert!(takes(&limit).await);
    assert_eq!(seen().await, json!([false, false, false, "0", "0"]));

    redis.kill();
    assert!(wait_for(secs(20), || limit.status().degraded));
    assert!(limit.acquire_within(Duration::ZERO).await.is_ok());
    assert_eq!(seen().await, json!([true, true, false, "1", "0"]));
    let events = served.json("/api/events").await;
    let lost = format!("{port} is out of reach");
    assert_eq!(events_about(&events, &lost), 1, "{events}");

    redis.restart();
    assert!(wait_for(secs(20), || !limit.status().degraded));
    assert_eq!(seen().await, json!([false, false, false, "0", "0"]));
    let events = served.json("/api/events").await;
    let back = format!("shared limits rule again: Redis at 127.0.0.1:{port} answers");
    assert_eq!(events_about(&events, &back), 1, "{events}");
    assert_eq!(events_about(&events, &lost), 1, "once for an outage");
}

#[tokio::test]
async fn a_key_that_redis_refuses_and_a_limit_that_has_no_redis_are_events_by_name() {
    let redis = Server::start();
    let instance = Instance::at(&redis.url()).await;
    let limit = instance.limit("seen.refused", |limit| limit);
    redis.command(&["RPUSH", "{steadfast:rl:seen.refused:ann}", "mine"]);
    limit
        .acquire_within_for("ann", Duration::ZERO)
        .await
        .unwrap();
    let alone = steadfast::Registry::new();
    Policy::builder("seen.alone.defines")
        .registry(&alone)
        .rate_limit("seen.alone", |limit| limit.scope(Scope::Shared))
        .build()
        .unwrap();
    alone.rate_limit("seen.alone").try_acquire().unwrap();
    let served = instance.registry.scope(Served::with_token()).await;
    let events = served.json("/api/events").await;
    let told = |name: &str| {
        let mut all = events["events"].as_array().unwrap().iter();
        let event = all.find(|event| event["name"] == name);
        let event = event.unwrap_or_else(|| panic!("none of {name}: {events}"));
        (event["kind"].clone(), event["text"].clone())
    };
    assert_eq!(
        told("seen.refused"),
        (
            json!("limit_refused"),
            json!(
                "Redis keeps something else under the key of ann, which holds in memory until that is gone"
            )
        )
    );
    assert_eq!(
        told("seen.alone"),
        (
            json!("limit_alone"),
            json!("to be shared, but no setup named a Redis: it is local")
        )
    );
}

#[tokio::test]
async fn operators_read_a_bucket_as_the_docs_say() {
    let docs = include_str!("../../docs/shared-state.md");
    assert!(docs.contains("redis-cli GET '{steadfast:rl:openai:ann}'"));
    let redis = Server::start();
    let instance = Instance::at(&redis.url()).await;
    let limit = instance.limit("openai", |limit| limit.max(10).per(secs(1000)));
    for _ in 0..4 {
        let taken = limit.acquire_within_for("ann", Duration::ZERO).await;
        taken.unwrap();
    }
    let bucket = redis.command(&["GET", "{steadfast:rl:openai:ann}"]).text();
    let full_again: f64 = bucket.split(' ').next().unwrap().parse().unwrap();
    let time = redis.command(&["TIME"]);
    let [seconds, micros] = [0, 1].map(|at| time.items()[at].text().parse::<f64>().unwrap());
    let away = full_again / 1e6 - seconds - micros / 1e6;
    // In use: what it lacks, in times of one token.
    assert!((3.5..=4.0).contains(&(away / 100.0)), "{away}");
    let ttl = redis.command(&["PTTL", "{steadfast:rl:openai:ann}"]).int();
    let ttl = ttl.unwrap() as f64 / 1e3;
    assert!((ttl - away - 1.0).abs() < 10.0, "{ttl} and {away}");
}
