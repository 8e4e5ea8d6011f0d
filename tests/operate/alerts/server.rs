//! A real Prometheus that scrapes one service.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::{Client, Url};
use serde_json::Value;
use steadfast_tests::redis::{Folder, Process, free_port};

use crate::operate::tools::tool;

/// How long it may take to come to something. A busy machine may need a while for what takes a second.
const PATIENCE: Duration = Duration::from_secs(90);

/// A Prometheus that scrapes twice a second, and ends with the test.
pub(super) struct Prometheus {
    _server: Process,
    url: String,
    client: Client,
    _folder: Folder,
}

impl Prometheus {
    /// None where there is none on this machine. It serves once this has returned.
    pub(super) async fn start(service: SocketAddr, rules: &str) -> Option<Self> {
        let program = tool("prometheus")?;
        let folder = Folder::new().unwrap();
        folder.write("alerts.yml", rules).unwrap();
        let config = format!(
            "global: {{ scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms }}\n\
             rule_files: [ alerts.yml ]\n\
             scrape_configs:\n\
             - job_name: shop\n  metrics_path: /admin/metrics\n  static_configs:\n  - targets: [ '{service}' ]\n"
        );
        let config = folder.write("prometheus.yml", &config).unwrap();
        let client = Client::builder().no_proxy().build().unwrap();
        let end = Instant::now() + PATIENCE;
        loop {
            // Who else starts meanwhile may take the port that was free a moment ago.
            let port = free_port();
            let mut command = Process::of(&program);
            command
                .arg(format!("--config.file={}", config.display()))
                .arg(format!(
                    "--storage.tsdb.path={}",
                    folder.file(&format!("data-{port}")).display()
                ))
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut server = Process::start(command).unwrap();
            let ready = format!("http://127.0.0.1:{port}/-/ready");
            while server.ended().is_none() {
                let answer = client.get(&ready).send().await;
                if answer.is_ok_and(|answer| answer.status().is_success()) {
                    return Some(Self {
                        _server: server,
                        url: format!("http://127.0.0.1:{port}/api/v1"),
                        client,
                        _folder: folder,
                    });
                }
                assert!(Instant::now() < end, "Prometheus does not get ready");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            assert!(Instant::now() < end, "Prometheus ends again and again");
        }
    }

    /// What a path of its API gives; nothing while it has no answer.
    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let url = Url::parse_with_params(&format!("{}/{path}", self.url), query).unwrap();
        let request = self.client.get(url);
        request.send().await.ok()?.json().await.ok()
    }

    /// What a query gives now. A query that is refused is a fault of the query.
    async fn query(&self, query: &str) -> Vec<Value> {
        let Some(answer) = self.ask("query", &[("query", query)]).await else {
            return Vec::new();
        };
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        let result = answer["data"]["result"].as_array();
        result.cloned().unwrap_or_default()
    }

    /// Waits until a query gives something: a scrape that came too late leaves a gap, and ends.
    pub(super) async fn finds(&self, query: &str) {
        let end = Instant::now() + PATIENCE;
        while self.query(query).await.is_empty() {
            assert!(Instant::now() < end, "{query} finds nothing");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until alerts fire so: each by its name, and that of what it is about.
    pub(super) async fn firing(&self, is: impl Fn(&[String]) -> bool) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.ask("alerts", &[]).await.unwrap_or_default();
            if let Some(alerts) = answer["data"]["alerts"].as_array() {
                let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
                let names: Vec<String> = firing.map(name).collect();
                if is(&names) {
                    return names;
                }
                assert!(Instant::now() < end, "firing: {names:?}");
            }
            assert!(Instant::now() < end, "no answer");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

fn name(alert: &Value) -> String {
    let labels = &alert["labels"];
    let of = labels["name"].as_str().or(labels["call"].as_str());
    let alert = labels["alertname"].as_str().unwrap();
    of.map_or(alert.to_owned(), |of| format!("{alert} {of}"))
}
