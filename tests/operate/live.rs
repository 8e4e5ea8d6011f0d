//! Server-sent events of the admin router.

use std::time::Duration;

use serde_json::{Value, json};
use steadfast::{registry, resilient};
use steadfast_tests::{Failure, apart};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::served::Served;

#[resilient(name = "live.call", breaker(name = "live.breaker", failures = 2))]
async fn call(result: Result<usize, Failure>) -> Result<usize, Failure> {
    result
}

/// A client of the stream.
struct Client {
    stream: TcpStream,
    read: String,
}

impl Client {
    async fn connect(served: &Served) -> Self {
        let mut stream = TcpStream::connect(served.address).await.unwrap();
        let request =
            b"GET /admin/api/live HTTP/1.1\r\nhost: x\r\naccept: text/event-stream\r\n\r\n";
        stream.write_all(request).await.unwrap();
        Self {
            stream,
            read: String::new(),
        }
    }

    async fn status(&mut self) -> String {
        while self.read.len() < 12 {
            self.more().await;
        }
        self.read[9..12].to_owned()
    }

    async fn more(&mut self) {
        let mut bytes = vec![0; 1 << 16];
        let read = self.stream.read(&mut bytes).await.unwrap();
        assert!(read > 0, "the stream has ended: {}", self.read);
        self.read.push_str(&String::from_utf8_lossy(&bytes[..read]));
    }

    /// The data of the next event. Chunks of the body are at least one event here.
    async fn next(&mut self) -> Value {
        loop {
            if let Some(start) = self.read.find("data: ")
                && let Some(length) = self.read[start..].find("\n\n")
            {
                let data = self.read[start + 6..start + length].to_owned();
                self.read.drain(..start + length + 2);
                // An event longer than a chunk has the chunks' lengths in it, and is not used here.
                if let Ok(data) = serde_json::from_str(&data) {
                    return data;
                }
            }
            self.more().await;
        }
    }
}

fn named<'a>(news: &'a Value, list: &str, name: &str) -> Option<&'a Value> {
    let list = news[list].as_array().unwrap();
    list.iter().find(|item| item["name"] == name)
}

#[tokio::test]
async fn a_watcher_is_sent_everything_and_then_what_changes() {
    apart(async {
        registry().know_only("live.");
        let served = Served::with_token().await;
        let mut client = Client::connect(&served).await;
        let first = timeout(Duration::from_secs(10), client.next())
            .await
            .unwrap();
        assert_eq!(
            named(&first, "circuits", "live.breaker").unwrap()["state"],
            "CLOSED"
        );
        let _ = call(Ok(1)).await;
        let _ = registry().rate_limit("live.limit").try_acquire();
        let news = timeout(Duration::from_secs(10), client.next())
            .await
            .unwrap();
        let circuit = named(&news, "circuits", "live.breaker").unwrap();
        assert_eq!(
            circuit["totals"],
            json!({ "successes": 1, "failures": 0, "rejections": 0, "slow": 0 })
        );
        assert_eq!(named(&news, "limits", "live.limit").unwrap()["used"], 1);
        let news = timeout(Duration::from_secs(10), client.next())
            .await
            .unwrap();
        assert_eq!(news["circuits"], json!([]), "nothing has changed");

        registry().breaker("live.breaker").force_open();
        let news = timeout(Duration::from_secs(10), client.next())
            .await
            .unwrap();
        let circuit = named(&news, "circuits", "live.breaker").unwrap();
        assert_eq!(circuit["state"], "FORCED_OPEN");
        let events = news["events"].as_array().unwrap();
        let told = events.iter().any(|event| {
            event["text"] == "CLOSED → FORCED_OPEN: by_hand" && event["name"] == "live.breaker"
        });
        assert!(told, "{events:?}");
    })
    .await;
}

/// What this process has in memory, in bytes.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

#[tokio::test]
async fn a_thousand_watchers_that_do_not_read_take_bounded_memory_and_hold_nobody_up() {
    apart(async {
        registry().know_only("live.");
        let served = Served::with_token().await;
        // Enough to change that what is not read would pile up.
        let breakers: Vec<_> = (0..200)
            .map(|number| registry().breaker(&format!("live.many.{number}")))
            .collect();
        let before = resident();
        let mut clients = Vec::new();
        for number in 0..1000 {
            let Ok(stream) = timeout(Duration::from_secs(10), Client::connect(&served)).await
            else {
                panic!("no connection for watcher {number}");
            };
            clients.push(stream);
        }
        for _ in 0..6 {
            breakers.iter().for_each(steadfast::Breaker::force_open);
            breakers.iter().for_each(steadfast::Breaker::reset);
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        assert_eq!(clients[999].status().await, "200");
        assert_eq!(served.get("/health/live").await.status(), 200);
        let (status, _) = served
            .post("/api/circuit-breakers/reset/live.breaker", None)
            .await;
        assert_eq!(status, 401);
        if let (Some(before), Some(after)) = (before, resident()) {
            let each = after.saturating_sub(before) / 1000;
            println!("{each} bytes for each watcher, both ends of its connection included");
            // Each has one message on its way, of 200 circuits, and what the sockets hold.
            assert!(each < 1 << 20, "{each} bytes");
        }
        // The seats are counted, and free again when watchers leave.
        let mut more = Vec::new();
        for _ in 0..24 {
            more.push(Client::connect(&served).await);
        }
        for client in &mut more {
            assert_eq!(client.status().await, "200");
        }
        let mut one_too_many = Client::connect(&served).await;
        assert_eq!(one_too_many.status().await, "503");
        drop((clients, more));
        let joined = timeout(Duration::from_secs(20), async {
            while Client::connect(&served).await.status().await != "200" {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
        joined.await.expect("a seat is free again");
    })
    .await;
}
