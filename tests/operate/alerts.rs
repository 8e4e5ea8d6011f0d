//! The alert rules and the dashboard of `examples/`, by Prometheus itself.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use reqwest::{Client, Url};
use serde_json::Value;
use steadfast::{registry, resilient};
use steadfast_tests::{Dependency, Failure, apart};

use super::served::Served;
use super::tools::{run, said, tool};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn rules() -> String {
    fs::read_to_string(examples().join("alerts.yml")).unwrap()
}

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("steadfast-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, file: &str, text: &str) -> String {
        let path = self.0.join(file);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_alert_rules_are_sound_and_each_fires_when_it_says() {
    let Some(promtool) = tool("promtool") else {
        return;
    };
    let folder = Folder::new("rules");
    let rules = folder.write("alerts.yml", &rules());
    let checked = run(&promtool, &["check", "rules", &rules], "");
    assert!(checked.status.success(), "{}", said(&checked));
    let tests = include_str!("alerts.test.yml");
    for rule in self::rules()
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
    {
        assert!(
            tests.contains(&format!("alertname: {rule}")),
            "{rule} has no test"
        );
    }
    let tests = folder.write("alerts.test.yml", tests);
    let tested = run(&promtool, &["test", "rules", &tests], "");
    assert!(tested.status.success(), "{}", said(&tested));
}

/// A Prometheus that scrapes one service five times a second.
struct Prometheus {
    server: Child,
    url: String,
    client: Client,
    _folder: Folder,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Prometheus {
    fn start(service: &Served) -> Option<Self> {
        let program = tool("prometheus")?;
        let folder = Folder::new("prometheus");
        folder.write("alerts.yml", &hurried(&rules()));
        let config = format!(
            "global: {{ scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms }}\n\
             rule_files: [ alerts.yml ]\n\
             scrape_configs:\n\
             - job_name: shop\n  metrics_path: /admin/metrics\n  static_configs:\n  - targets: [ '{}' ]\n",
            service.address
        );
        let config = folder.write("prometheus.yml", &config);
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let server = Command::new(program)
            .arg(format!("--config.file={config}"))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.0.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self {
            server,
            url: format!("http://127.0.0.1:{port}/api/v1"),
            client: Client::builder().no_proxy().build().unwrap(),
            _folder: folder,
        })
    }

    /// What a path of its API gives; nothing while it does not serve yet.
    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let url = Url::parse_with_params(&format!("{}/{path}", self.url), query).unwrap();
        let request = self.client.get(url);
        request.send().await.ok()?.json().await.ok()
    }

    /// What a query gives.
    async fn query(&self, query: &str) -> Vec<Value> {
        let answer = self
            .ask("query", &[("query", query)])
            .await
            .unwrap_or_default();
        assert_eq!(answer["status"], "success", "{query}: {answer}");
        answer["data"]["result"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// Waits until alerts fire so.
    async fn firing(&self, is: impl Fn(&[String]) -> bool) -> Vec<String> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            let answer = self.ask("alerts", &[]).await.unwrap_or_default();
            let alerts = answer["data"]["alerts"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
            let names = firing.map(|alert| {
                let labels = &alert["labels"];
                let of = labels["name"]
                    .as_str()
                    .or(labels["call"].as_str())
                    .unwrap_or("");
                format!("{} {of}", labels["alertname"].as_str().unwrap())
            });
            let names: Vec<String> = names.collect();
            if is(&names) {
                return names;
            }
            assert!(Instant::now() < end, "firing: {names:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// The rules, waiting for a second where they wait for minutes, and looking back on seconds.
fn hurried(rules: &str) -> String {
    let lines = rules
        .lines()
        .map(|line| match line.trim().strip_prefix("for: ") {
            Some(_) => line.replace(line.trim(), "for: 1s"),
            None => line.replace("[5m]", "[3s]"),
        });
    lines.collect::<Vec<_>>().join("\n")
}

#[resilient(
    name = "alerts.charge",
    breaker(name = "alerts.stripe", failures = 3, recovery = "1h"),
    retry(max = 3, base = "1ms"),
    rate_limit(name = "alerts.limit", max = 30, per = "1h"),
    bulkhead(name = "alerts.places", max = 1, wait = "0s"),
    timeout = "1s",
    fallback(kind = "default")
)]
async fn charge(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(name = "alerts.mail", breaker(name = "alerts.smtp", failures = 1000))]
async fn mail(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
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
                .replace("$__rate_interval", "5s")
                .replace("$instance", ".*")
        })
        .collect()
}

/// Metrics of a part that this service does not use: Redis.
const ELSEWHERE: [&str; 1] = ["redis_connected"];

// The real thing: a Prometheus that scrapes a service through an outage.
#[tokio::test]
async fn a_prometheus_that_scrapes_an_outage_fires_the_alerts_and_every_query_of_ours_runs() {
    apart(async {
        registry().know_only("alerts.");
        let served = Served::with_token().await;
        let Some(prometheus) = Prometheus::start(&served) else {
            return;
        };
        let tenants = registry().breaker("alerts.tenants");
        let _ = tenants.for_key("acme").unwrap().admit();
        // All is well, and scraped.
        let _ = charge(&Dependency::playing("S")).await;
        let end = Instant::now() + Duration::from_secs(60);
        while prometheus
            .ask("query", &[("query", "calls_total{result=\"ok\"} == 1")])
            .await
            .is_none_or(|answer| {
                answer["data"]["result"]
                    .as_array()
                    .is_none_or(Vec::is_empty)
            })
        {
            assert!(Instant::now() < end, "nothing is scraped");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        prometheus.firing(<[String]>::is_empty).await;

        // An outage: the circuit opens, retries come to nothing, a fallback answers; mails are refused for good.
        let places = registry().bulkhead("alerts.places");
        let outage = async {
            loop {
                let place = places.try_enter();
                for _ in 0..3 {
                    let _ = charge(&Dependency::playing("FFF")).await; // no place
                }
                drop(place);
                let _ = charge(&Dependency::playing("FFF")).await;
                let _ = registry().rate_limit("alerts.limit").try_acquire();
                let _ = mail(&Dependency::playing("P")).await;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let expected = [
            "CircuitOpen alerts.stripe",
            "CircuitOpenForLong alerts.stripe",
            "PermanentErrors alerts.mail",
            "FallbackActive alerts.charge",
            "RateLimiting alerts.limit",
        ];
        let all = |firing: &[String]| {
            expected
                .iter()
                .all(|name| firing.iter().any(|it| it == name))
        };
        tokio::select! {
            () = outage => {}
            firing = prometheus.firing(all) => println!("{firing:?}"),
        }

        // What we ship asks for nothing that is not there.
        for query in rules_queries().into_iter().chain(dashboard_queries()) {
            let found = prometheus.query(&query).await;
            // A threshold may hold or not: what is compared is there.
            let compared = query
                .rsplit_once(" > ")
                .or(query.rsplit_once(" == "))
                .map_or(&*query, |(left, _)| left);
            let left = if found.is_empty() {
                prometheus.query(compared).await
            } else {
                found
            };
            let elsewhere = ELSEWHERE.iter().any(|name| query.contains(name));
            assert!(elsewhere || !left.is_empty(), "{query} finds nothing");
        }

        // It ends.
        registry().breaker("alerts.stripe").reset();
        let over = |firing: &[String]| {
            !firing
                .iter()
                .any(|it| it.starts_with("CircuitOpen") || it.starts_with("Permanent"))
        };
        prometheus.firing(over).await;
    })
    .await;
}
