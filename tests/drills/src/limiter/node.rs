//! A process that takes tokens of a shared limit for some time, and tells when it took each.

use std::io::Write;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use steadfast::options::{Algorithm, Scope};
use steadfast::{Policy, RateLimit, Rejection, registry};

use crate::times::now;

/// What it is to do: the one line of its input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Task {
    /// Redis.
    pub url: String,
    /// Options of the limit, as they are called there; times in milliseconds.
    pub max: u32,
    /// In milliseconds.
    pub per: u64,
    /// Burst.
    pub burst: Option<u32>,
    /// In milliseconds.
    pub lease: Option<u64>,
    /// Whether the window is an exact log.
    pub sliding: bool,
    /// In milliseconds.
    pub fail_open: u64,
    /// In milliseconds.
    pub probe: u64,
    /// From this time of the machine's monotonic clock.
    pub from: u64,
    /// Until then.
    pub until: u64,
    /// How it takes tokens.
    pub way: Way,
}

/// How it takes tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// As fast as it can.
    Hammer,
    /// As many a second, evenly.
    Pace(u32),
    /// Rests until the bucket is full, then takes all in one go; again and again, every so many milliseconds.
    Bursts(u64),
    /// One token of each of so many keys, beginning with this one.
    Keys(u32, u32),
}

impl Task {
    /// Strict: 1,000 a second, as many at once.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            max: 1_000,
            per: 1_000,
            burst: None,
            lease: None,
            sliding: false,
            fail_open: 300_000,
            probe: 5_000,
            from: 0,
            until: 0,
            way: Way::Hammer,
        }
    }
}

/// How it went.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Told {
    /// When each token was there, since `from`, in microseconds.
    pub taken: Vec<u64>,
    /// How many were refused.
    pub refused: u64,
    /// When a refusal said first that the limit was unavailable.
    pub unavailable: Option<u64>,
    /// How long each answer took, in nanoseconds: p50, p99, the longest.
    pub held: (u64, u64, u64),
    /// The process's memory before and after, in KB.
    pub memory: (u64, u64),
    /// Keys that it knows in the end.
    pub keys: usize,
}

/// Runs one task.
///
/// # Errors
///
/// Where the input is not what a driver sends, or the setup fails.
pub fn run() -> Result<()> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let task: Task = serde_json::from_str(&line)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let setup = steadfast::setup().redis(&task.url).key_prefix("drill");
    runtime.block_on(setup.start())?;
    let limit = build(&task)?;
    println!("ready");
    std::io::stdout().flush()?;
    // When it begins is told once all are ready.
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let (from, until) = line.trim().split_once(' ').context("two times")?;
    let told = work(&task, &limit, from.parse()?, until.parse()?);
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &told)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

fn build(task: &Task) -> Result<RateLimit> {
    let ms = Duration::from_millis;
    Policy::builder("limited")
        .rate_limit("drill", |limit| {
            let limit = limit
                .scope(Scope::Shared)
                .max(task.max)
                .per(ms(task.per))
                .fail_open(ms(task.fail_open))
                .probe(ms(task.probe));
            let limit = match task.burst {
                Some(burst) => limit.burst(burst),
                None => limit,
            };
            let limit = match task.lease {
                Some(lease) => limit.lease(ms(lease)),
                None => limit,
            };
            if task.sliding {
                limit.algorithm(Algorithm::SlidingWindow)
            } else {
                limit
            }
        })
        .build()?;
    Ok(registry().rate_limit("drill"))
}

struct Taker<'a> {
    limit: &'a RateLimit,
    from: u64,
    told: Told,
    held: Vec<u32>,
}

impl Taker<'_> {
    /// Whether there was a token.
    fn note(&mut self, began: u64, taken: &Result<(), Rejection>) -> bool {
        let ended = now();
        self.held
            .push(u32::try_from(ended - began).unwrap_or(u32::MAX));
        match taken {
            Ok(()) => {
                self.told.taken.push((ended - self.from) / 1_000);
                return true;
            }
            Err(Rejection::LimiterUnavailable { .. }) => {
                self.told
                    .unavailable
                    .get_or_insert((ended - self.from) / 1_000);
            }
            Err(_) => {}
        }
        self.told.refused += 1;
        false
    }

    fn take(&mut self) -> bool {
        let began = now();
        let taken = self.limit.try_acquire();
        self.note(began, &taken)
    }
}

fn work(task: &Task, limit: &RateLimit, from: u64, until: u64) -> Told {
    let mut taker = Taker {
        limit,
        from,
        told: Told::default(),
        held: Vec::new(),
    };
    taker.told.memory.0 = memory();
    thread::sleep(Duration::from_nanos(from.saturating_sub(now())));
    match task.way {
        Way::Hammer => {
            while now() < until {
                if !taker.take() {
                    thread::sleep(Duration::from_micros(100));
                }
            }
        }
        Way::Pace(rate) => {
            let step = 1_000_000_000 / u64::from(rate.max(1));
            let mut due = from;
            while now() < until {
                if now() < due {
                    thread::sleep(Duration::from_micros(200));
                    continue;
                }
                due += step;
                taker.take();
            }
        }
        Way::Bursts(every) => {
            let mut next = from;
            while next < until {
                thread::sleep(Duration::from_nanos(next.saturating_sub(now())));
                while taker.take() {}
                next += every * 1_000_000;
            }
        }
        Way::Keys(first, count) => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            for result in runtime.block_on(keys(limit, first, count)) {
                taker.note(now(), &result);
            }
        }
    }
    taker.told.memory.1 = memory();
    taker.told.keys = limit.status().keys;
    taker.held.sort_unstable();
    let at = |share: f64| {
        let place = (share * taker.held.len() as f64) as usize;
        let place = place.min(taker.held.len().saturating_sub(1));
        taker.held.get(place).copied().unwrap_or(0).into()
    };
    taker.told.held = (at(0.5), at(0.99), at(1.0));
    taker.told
}

/// Many at a time, since each is a round trip.
async fn keys(limit: &RateLimit, first: u32, count: u32) -> Vec<Result<(), Rejection>> {
    const TASKS: u32 = 64;
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let limit = limit.clone();
        tasks.spawn(async move {
            let mut results = Vec::new();
            for key in (first + task..first + count).step_by(TASKS as usize) {
                let key = format!("user-{key}");
                results.push(limit.acquire_within_for(&key, Duration::ZERO).await);
            }
            results
        });
    }
    tasks.join_all().await.concat()
}

/// What the process holds, in KB.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
