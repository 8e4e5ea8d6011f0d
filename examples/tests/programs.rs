//! The small programs, as their readers run them: each ends by itself and tells its story.

use std::process::Command;

/// The lines that a program prints, after it has ended well.
fn lines(program: &str) -> Vec<String> {
    let output = Command::new(program)
        .output()
        .expect("the program was built");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().map(|line| line.trim().to_owned()).collect()
}

fn count(lines: &[String], what: &str) -> usize {
    lines.iter().filter(|line| line.contains(what)).count()
}

#[test]
fn limits_lets_through_what_it_says_and_ends_with_the_breakers_by_host() {
    let lines = lines(env!("CARGO_BIN_EXE_limits"));
    assert_eq!(count(&lines, "here is the report"), 5, "{lines:#?}");
    assert_eq!(
        count(&lines, "no: rate limit reports is used up"),
        2,
        "{lines:#?}"
    );
    assert_eq!(
        count(&lines, "no: rate limit searches is used up"),
        1,
        "{lines:#?}"
    );
    assert_eq!(count(&lines, ": exported"), 5, "{lines:#?}");
    assert_eq!(
        count(&lines, "no: bulkhead exports is full"),
        1,
        "{lines:#?}"
    );
    let end = &lines[lines.len() - 3..];
    assert!(
        end[0].starts_with("b.example: no: circuit hosts is open"),
        "{end:?}"
    );
    assert_eq!(end[1..], ["a.example: fetched", "open for 1 of 2 hosts"]);
}

#[test]
fn quotas_hold_for_a_model_for_speech_and_for_each_user() {
    let lines = lines(env!("CARGO_BIN_EXE_quotas"));
    let begins = |place: usize, with: &str| {
        assert!(lines[place].starts_with(with), "{lines:#?}");
    };
    begins(1, "language-model: 50 of 50 used, all back in ");
    assert!(lines[1].ends_with("; 5 of 5 inside, 45 wait"), "{lines:#?}");
    assert_eq!(lines[2], "served: 50 of 70");
    assert!(lines[3].ends_with("; 0 of 5 inside, 0 wait"), "{lines:#?}");
    assert_eq!(lines[5], "speech: 20 of 20 inside, 10 wait");
    assert_eq!(lines[6], "served: 30 of 30");
    begins(
        8,
        "ann, request 201: 429 Too Many Requests, ratelimit-limit: 200, ratelimit-remaining: 0, retry-after: ",
    );
    assert_eq!(
        lines[9],
        "bob, request 1: 200 OK, ratelimit-limit: 200, ratelimit-remaining: 199"
    );
}

#[test]
fn dashboard_shows_a_page_whatever_is_down() {
    let lines = lines(env!("CARGO_BIN_EXE_dashboard"));
    assert_eq!(count(&lines, "balance of 7: 42.00"), 2, "{lines:#?}");
    assert_eq!(count(&lines, "balance of 8: 42.00"), 1, "{lines:#?}");
    assert_eq!(count(&lines, "news: all is well"), 4, "{lines:#?}");
    assert_eq!(count(&lines, "unavailable (connection reset)"), 3);
    let end = &lines[lines.len() - 4..];
    assert_eq!(end[0], "balance: 1 by its fallback, 0 from its cache");
    assert_eq!(end[1], "news: 0 by its fallback, 3 from its cache");
    assert_eq!(end[2], "offers: 2 by its fallback, 0 from its cache");
}

#[test]
fn nested_ends_at_its_deadline_and_so_does_the_service_it_asks() {
    let lines = lines(env!("CARGO_BIN_EXE_nested"));
    let keys: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split_once(", key "))
        .collect();
    assert_eq!(keys.len(), 3, "{lines:#?}");
    assert!(keys.iter().all(|(_, key)| *key == keys[0].1), "{keys:?}");
    assert_eq!(count(&lines, "left in the service"), 1, "{lines:#?}");
    assert_eq!(
        count(&lines, "no offer: deadline of 1s exceeded"),
        1,
        "{lines:#?}"
    );
    assert_eq!(
        count(&lines, "the service has stopped too"),
        1,
        "{lines:#?}"
    );
}

#[test]
fn tower_answers_two_clients_and_limits_the_one_that_asks_too_much() {
    let lines = lines(env!("CARGO_BIN_EXE_tower"));
    assert_eq!(lines[1], "ann: 200 OK: seven hits");
    assert!(
        lines[2].starts_with("ann: 429 Too Many Requests (Retry-After: "),
        "{lines:#?}"
    );
    assert_eq!(lines[3], "bob: 200 OK: seven hits");
    let end = lines.last().unwrap();
    assert!(
        end.contains("ok: 2,") && end.contains("rate_limited: 1,"),
        "{end}"
    );
}

#[test]
fn reload_changes_thresholds_while_calls_run_and_loses_none() {
    let lines = lines(env!("CARGO_BIN_EXE_reload"));
    let shown: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("failures "))
        .collect();
    assert_eq!(
        shown,
        [
            "failures 3, timeout 1s",
            "failures 8, timeout 300ms",
            "failures 8, timeout 300ms",
            "failures 20, timeout 1s",
        ],
        "{lines:#?}"
    );
    let faults: Vec<_> = lines
        .iter()
        .filter(|line| line.starts_with("steadfast.toml:"))
        .collect();
    assert_eq!(
        faults,
        [
            "steadfast.toml:2:1: unknown option \"faliures\"; did you mean \"failures\"?",
            "steadfast.toml:3:7: no call is named \"stok\"; did you mean \"stock\"?",
        ],
        "{lines:#?}"
    );
    let end = lines.last().unwrap();
    assert!(end.ends_with("Failed: 0. Lost from the count: 0"), "{end}");
}

#[cfg(unix)]
#[test]
fn shared_stops_all_processes_for_what_one_saw_and_goes_on_without_redis() {
    let lines = lines(env!("CARGO_BIN_EXE_shared"));
    assert_eq!(count(&lines, "NOT"), 0, "{lines:#?}");
    for seen in [
        ": all stop, within milliseconds (",
        "two probes of the fleet close it for all (3 closed)",
        "it is so in all (3 forced_open)",
        "each goes on alone, no call fails (0 calls failed; 3 closed, alone)",
        ": it stops, the others go on (",
        "all join, and stop for what instance 2 saw (3 open)",
        "all go on (3 closed)",
    ] {
        assert_eq!(count(&lines, seen), 1, "{seen}: {lines:#?}");
    }
}

#[test]
fn the_demo_refuses_a_wrong_configuration_and_writes_a_true_one() {
    let checkout = env!("CARGO_BIN_EXE_checkout");
    let example = Command::new(checkout)
        .arg("--example-config")
        .output()
        .unwrap();
    let example = String::from_utf8(example.stdout).unwrap();
    assert!(example.contains("[breaker.\"payments\"]"), "{example}");
    let file = std::env::temp_dir().join(format!("steadfast-demo-{}.toml", std::process::id()));
    std::fs::write(&file, example + "\n[breaker.paymnets]\n").unwrap();
    let refused = Command::new(checkout)
        .arg("--config")
        .arg(&file)
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.contains("no breaker is named \"paymnets\"; did you mean \"payments\"?"),
        "{told}"
    );
}

#[test]
fn the_demo_runs_by_a_configuration_file_without_redis_too() {
    let name = format!("steadfast-demo-alone-{}.toml", std::process::id());
    let file = std::env::temp_dir().join(name);
    std::fs::write(&file, "[breaker.payments]\nfailures = 7\n").unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_checkout"))
        .args(["--seconds", "5", "--json", "--config"])
        .arg(&file)
        .env("TEST_REDIS_SERVER", "no-such-redis-server")
        .output()
        .unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(ran.status.success(), "{ran:?}");
    assert!(ran.stdout.starts_with(b"{"), "{ran:?}");
}
