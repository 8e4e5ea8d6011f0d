//! The alert rules and the dashboard of `examples/`, by Prometheus itself.

mod outage;
mod server;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use steadfast::Registry;
use steadfast_tests::redis::{Folder, Server};

use super::served::Served;
use super::tools::{run, said, tool};
use outage::Outage;
use server::Prometheus;

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn rules() -> String {
    fs::read_to_string(examples().join("alerts.yml")).unwrap()
}

fn names_of(rules: &str) -> impl Iterator<Item = &str> {
    let lines = rules.lines();
    lines.filter_map(|line| line.trim().strip_prefix("- alert: "))
}

#[test]
fn the_alert_rules_are_sound_and_each_fires_when_it_says() {
    let Some(promtool) = tool("promtool") else {
        return;
    };
    let folder = Folder::new().unwrap();
    let written = |file: &str, text: &str| folder.write(file, text).unwrap().display().to_string();
    let rules = written("alerts.yml", &rules());
    let checked = run(&promtool, &["check", "rules", &rules], "");
    assert!(checked.status.success(), "{}", said(&checked));
    let tests = include_str!("alerts.test.yml");
    for rule in names_of(&self::rules()) {
        assert!(
            tests.contains(&format!("alertname: {rule}")),
            "{rule} has no test"
        );
    }
    let tests = written("alerts.test.yml", tests);
    let tested = run(&promtool, &["test", "rules", &tests], "");
    assert!(tested.status.success(), "{}", said(&tested));
}

/// The rules, waiting for a second where they wait for minutes, and looking back on seconds.
fn hurried(rules: &str) -> String {
    let lines = rules
        .lines()
        .map(|line| match line.trim().strip_prefix("for: ") {
            Some(_) => line.replace(line.trim(), "for: 1s"),
            None => line.replace("[5m]", "[10s]"),
        });
    lines.collect::<Vec<_>>().join("\n")
}

/// Every query of the rules.
fn rules_queries() -> Vec<String> {
    // The text of an expression is one line, or those that are indented below it.
    let mut queries: Vec<String> = Vec::new();
    let mut folded = false;
    for line in rules().lines() {
        match line.trim().strip_prefix("expr: ") {
            Some(">-") => {
                folded = true;
                queries.push(String::new());
            }
            Some(query) => queries.push(query.to_owned()),
            None if folded && line.starts_with("          ") => {
                let query = queries.last_mut().unwrap();
                query.push_str(line.trim());
                query.push(' ');
            }
            None => folded = false,
        }
    }
    queries
}

/// Every query of the dashboard, with its variables filled in.
fn dashboard_queries() -> Vec<String> {
    let text = fs::read_to_string(examples().join("grafana.json")).unwrap();
    let dashboard: Value = serde_json::from_str(&text).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions = targets.map(|target| target["expr"].as_str().unwrap());
    expressions
        .map(|query| {
            query
                .replace("$__rate_interval", "10s")
                .replace("$instance", ".*")
        })
        .collect()
}

/// What a query compares with a threshold; where it compares nothing, all of it.
fn compared(query: &str) -> &str {
    let parts = query.rsplit_once(" > ").or(query.rsplit_once(" == "));
    // What stands in brackets is part of what is counted.
    let part = parts.filter(|(_, threshold)| !threshold.contains(')'));
    part.map_or(query, |(left, _)| left)
}

// The real thing: a Prometheus that scrapes a service through an outage of all that it depends on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_prometheus_that_scrapes_an_outage_fires_every_alert_and_every_query_of_ours_runs() {
    if tool("prometheus").is_none() {
        return;
    }
    let (mut redis, folder) = (Server::start(), Folder::new().unwrap());
    let registry = Registry::new();
    let mut outage = registry.scope(Outage::ahead(&redis, &folder)).await;
    let served = registry.scope(Served::with_token()).await;
    let prometheus = Prometheus::start(served.address, &hurried(&rules())).await;
    let prometheus = prometheus.expect("it is there");

    // All is well, and scraped.
    prometheus.finds(r#"calls_total{result="ok"} == 1"#).await;
    prometheus.finds("redis_connected == 1").await;
    prometheus.firing(<[String]>::is_empty).await;

    redis.kill();
    let expected: Vec<&str> = outage::ALERTS.to_vec();
    for rule in names_of(&rules()) {
        let fires = expected.iter().any(|it| it.split(' ').next() == Some(rule));
        assert!(fires, "{rule} is not expected to fire");
    }
    let all = |firing: &[String]| {
        expected
            .iter()
            .all(|name| firing.iter().any(|it| it == name))
    };
    let checked = async {
        println!("{:?}", prometheus.firing(all).await);
        // What we ship asks for nothing that is not there. A threshold may hold or not: what is compared is
        // there.
        for query in rules_queries().into_iter().chain(dashboard_queries()) {
            prometheus.finds(compared(&query)).await;
        }
    };
    tokio::select! {
        () = registry.scope(outage.go_on()) => {}
        () = checked => {}
    }

    // It ends.
    redis.restart();
    registry.scope_blocking(|| tokio::task::block_in_place(|| outage.end()));
    let over = |firing: &[String]| {
        let lasting = ["CircuitFlapping", "ConfigurationRefused"]; // they look back on an hour, and on 15 minutes
        firing
            .iter()
            .all(|it| lasting.iter().any(|name| it.starts_with(name)))
    };
    prometheus.firing(over).await;
}
