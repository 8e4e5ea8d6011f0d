//! The demo as its users start it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn demo(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_checkout"));
    command.args(args).output().expect("the demo was built")
}

/// Exit code and standard error of a demo that must not start.
fn refused(args: &[&str]) -> (Option<i32>, String) {
    let output = demo(args);
    assert!(output.stdout.is_empty(), "{output:?}");
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[test]
fn the_result_is_json_and_shows_that_policies_contain_a_hanging_dependency() {
    let output = demo(&["--scenario", "cascade", "--seconds", "5", "--json"]);
    assert!(output.status.success(), "{output:?}");
    let result: Value = serde_json::from_slice(&output.stdout).expect("only JSON on stdout");
    let (with, without) = (&result["with_policies"], &result["without"]);
    for arm in [with, without] {
        let count = |name: &str| {
            arm[name]
                .as_u64()
                .unwrap_or_else(|| panic!("no {name} in {arm}"))
        };
        assert_eq!(count("checkouts"), 200);
        let outcomes = count("served_in_full") + count("degraded") + count("failed");
        assert_eq!(outcomes, 200);
    }
    assert_eq!(with["unanswered"], 0, "{with}");
    assert!(without["unanswered"].as_u64() > Some(0), "{without}");
    assert!(with["degraded"].as_u64() > Some(0), "{with}");
    assert!(
        with["p99_ms"].as_f64() < without["p99_ms"].as_f64(),
        "{result}"
    );
    let hits = |arm: &Value| arm["requests"]["email"]["while_sick"].as_u64();
    assert!(hits(with) < hits(without), "{result}");
    let count = |arm: &Value, part: &str, name: &str| {
        let count = arm[part][name].as_u64();
        count.unwrap_or_else(|| panic!("no {name} in {arm}"))
    };
    // E-mail hung for a while: with a queue no letter is lost, whatever is still on its way.
    let with_queue = |name| count(with, "emails", name);
    assert!(with_queue("queued") > 0, "{with}");
    assert_eq!((with_queue("lost"), with_queue("dead")), (0, 0), "{with}");
    let (queued, waiting) = (with_queue("queued"), with_queue("waiting"));
    assert!(with_queue("delivered_later") + waiting >= queued, "{with}");
    assert!(result["queue_drained_seconds"].is_number(), "{result}");
    assert!(count(without, "emails", "lost") > 0, "{without}");
    assert_eq!(count(without, "emails", "queued"), 0);
    for arm in [with, without] {
        let pages = |name: &str| count(arm, "pages", name);
        assert_eq!(pages("asked"), 200);
        let seen = pages("served_in_full") + pages("degraded") + pages("failed");
        assert_eq!(seen, 200);
    }
    let failed = |arm: &Value| count(arm, "pages", "failed");
    assert!(failed(with) <= failed(without), "{result}");
    let kept = |arm: &Value| count(arm, "pages", "fresh") + count(arm, "pages", "stale");
    assert!(kept(with) > 0, "{with}");
    assert_eq!(kept(without), 0, "{without}");
}

#[test]
fn without_redis_the_demo_says_so_once_and_counts_the_letters_that_are_lost() {
    let output = Command::new(env!("CARGO_BIN_EXE_checkout"))
        .args(["--scenario", "cascade", "--seconds", "5", "--json"])
        .env("TEST_REDIS_SERVER", "no-such-redis-server")
        .output()
        .expect("the demo was built");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    let told = said.lines().filter(|line| line.contains("no Redis"));
    let told: Vec<&str> = told.collect();
    assert_eq!(
        told,
        [
            "no Redis: e-mails that fail are not queued, and lost (`no-such-redis-server` is not installed)"
        ]
    );
    let result: Value = serde_json::from_slice(&output.stdout).expect("only JSON on stdout");
    assert!(result["queue_drained_seconds"].is_null(), "{result}");
    let emails = &result["with_policies"]["emails"];
    assert_eq!(emails["queued"], 0, "{emails}");
    assert!(emails["lost"].as_u64() > Some(0), "{emails}");
}

#[test]
fn a_faulty_scenario_is_refused_with_file_line_and_reason() {
    let path = std::env::temp_dir().join(format!("steadfast-faulty-{}.toml", std::process::id()));
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "length = \"20s\"\nrate = 0\n[upstream.payment]").unwrap();
    let name = path.to_str().unwrap();
    let (code, error) = refused(&["--scenario", name]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(code, Some(2));
    assert!(
        error.contains(&format!("{name}:2:8: rate: write 1 to 50")),
        "{error}"
    );
    assert!(
        error.contains(&format!("{name}:3:11: unknown upstream")),
        "{error}"
    );
}

#[test]
fn bad_arguments_are_refused_with_what_to_write() {
    for (args, reason) in [
        (["--scenario", "outag"], "did you mean \"outage\"?"),
        (["--seconds", "4"], "from 5 to 600"),
        (["--seconds", "-1"], "from 5 to 600"),
        (["--port", "70000"], "from 1 to 65535"),
    ] {
        let (code, error) = refused(&args);
        assert_eq!(code, Some(2), "{args:?}");
        assert!(error.contains(reason), "{args:?}: {error}");
    }
}

#[test]
fn a_port_that_is_taken_is_refused_by_its_number() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let (code, error) = refused(&["--port", &port]);
    assert_eq!(code, Some(2));
    assert!(
        error.contains(&format!("port {port} of 127.0.0.1")),
        "{error}"
    );
}

/// What the demo answers to a request without a body.
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!("{request}\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn the_demo_says_where_its_page_is_and_takes_the_token_of_the_environment() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_checkout"))
        .args(["--seconds", "5", "--json"])
        .env("STEADFAST_ADMIN_TOKEN", "s3cret")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    stderr.read_line(&mut said).unwrap();
    let page = said.split_whitespace().nth(2).expect(&said);
    let address = page
        .strip_prefix("http://")
        .unwrap()
        .strip_suffix("/admin")
        .unwrap();
    let page = ask(address, "GET /admin HTTP/1.1");
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("<title>Steadfast</title>"),
        "{page}"
    );
    let metrics = ask(address, "GET /admin/metrics HTTP/1.1");
    assert!(
        metrics.contains("circuit_breaker_state{name=\"payments\"}"),
        "{metrics}"
    );
    assert!(ask(address, "GET /admin/health HTTP/1.1").contains("\"payments\":"));
    let page = ask(address, "GET /products/7 HTTP/1.1");
    assert!(page.contains("\"product\":{\"name\":"), "{page}");
    for (token, status) in [("demo", "401"), ("s3cret", "200")] {
        let request = "POST /admin/api/circuit-breakers/reset/payments HTTP/1.1";
        let answer = ask(
            address,
            &format!("{request}\r\nauthorization: Bearer {token}"),
        );
        assert_eq!(answer.get(9..12), Some(status), "{answer}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
