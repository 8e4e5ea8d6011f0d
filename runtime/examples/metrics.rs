//! What metrics cost: `cargo xtask metrics` runs this, and counts instructions with valgrind.
//!
//! Without arguments it scrapes 1,000 breakers, each with a call of its own, and prints how long that
//! takes. With `--calls N` it makes N calls and no more, with `--watched` too a collector registered, a
//! listener for events and a scrape at the end: what two such runs differ by is what a call costs.

#![allow(missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use steadfast::{Policy, registry, resilient};

#[resilient(name = "metrics.call", breaker(name = "metrics.call", failures = 5))]
fn call(number: u64) -> std::io::Result<u64> {
    Ok(black_box(number))
}

#[resilient(
    name = "metrics.rate",
    breaker(name = "metrics.rate", failure_rate = 0.5),
    retry(max = 3),
    bulkhead(name = "metrics.rate", max = 10)
)]
fn rated(number: u64) -> std::io::Result<u64> {
    Ok(black_box(number))
}

/// What valgrind counts in.
#[inline(never)]
fn run_once(calls: u64) {
    for number in 0..calls {
        let _ = black_box(call(number));
        let _ = black_box(rated(number));
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let after = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        arguments.get(place + 1)?.parse::<u64>().ok()
    };
    match after("--calls") {
        Some(calls) => make_calls(calls, arguments.iter().any(|it| it == "--watched")),
        None => scrape(1000),
    }
}

fn make_calls(calls: u64, watched: bool) {
    // The first call of each resolves its policy.
    let _ = (call(0), rated(0));
    if !watched {
        return run_once(calls);
    }
    let theirs = prometheus::Registry::new();
    let collector = Box::new(steadfast::prometheus::collector());
    theirs
        .register(collector)
        .expect("nothing else is registered");
    let events = steadfast::events();
    let before = theirs.gather().len();
    run_once(calls);
    assert_eq!((theirs.gather().len(), events.missed()), (before, 0));
}

fn scrape(breakers: u64) {
    let name = |number| format!("metrics.{number}");
    let policies: Vec<Policy> = (0..breakers)
        .map(|number| {
            let name = name(number);
            let policy = Policy::builder(&name).breaker(&name, |it| it.failures(5));
            policy
                .retry(|it| it.max(3))
                .build()
                .expect("every name is used once")
        })
        .collect();
    for policy in &policies {
        let done = policy.call_blocking(|| Ok::<_, steadfast::Error<std::io::Error>>(()));
        done.expect("it does nothing");
        let _ = registry()
            .breaker(&policy.name())
            .admit()
            .map(steadfast::Permit::failure);
    }
    let mut times = Vec::new();
    let mut length = 0;
    for _ in 0..20 {
        let began = Instant::now();
        length = black_box(steadfast::prometheus::text()).len();
        times.push(began.elapsed());
    }
    times.sort();
    let millis = |time: &Duration| time.as_secs_f64() * 1e3;
    let (fastest, median) = (millis(&times[0]), millis(&times[times.len() / 2]));
    println!(
        "a scrape of {breakers} breakers and their calls: {median:.1} ms (median of 20; fastest {fastest:.1} ms), {length} bytes"
    );
}
