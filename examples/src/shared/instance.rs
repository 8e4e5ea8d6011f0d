//! One process of the service. What shares its circuit breaker with the other processes is the word
//! `scope = "shared"`, and a Redis in the setup.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use steadfast::{Rejection, registry, resilient};
use tokio::sync::Mutex;
use tokio::time::sleep;

/// A call of each instance after another, with this pause.
const PAUSE: Duration = Duration::from_millis(10);
/// How often an instance looks at its breaker, and how often it speaks though nothing has changed.
const LOOK: Duration = Duration::from_millis(1);
const SPEAK: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
enum ChargeError {
    #[error("not charged")]
    Rejected(#[from] Rejection),
    #[error("payments failed")]
    Http(#[from] reqwest::Error),
}

#[resilient(
    breaker(
        name = "payments-api",
        scope = "shared",
        failures = 5,
        window = "10s",
        recovery = "1s"
    ),
    timeout = "500ms"
)]
async fn charge(http: &reqwest::Client, payments: &str) -> Result<(), ChargeError> {
    http.get(payments).send().await?.error_for_status()?;
    Ok(())
}

/// What an instance says of itself, a line of JSON each.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Said {
    /// Microseconds of the system's clock.
    pub(super) at: u64,
    pub(super) state: String,
    /// Whether it is without Redis.
    pub(super) alone: bool,
    pub(super) failures: u64,
    pub(super) calls: Calls,
}

/// Calls so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Calls {
    pub(super) ok: u64,
    pub(super) failed: u64,
    pub(super) refused: u64,
    /// The longest of the refused ones, in microseconds: it had only the breaker to wait for.
    pub(super) longest_refusal: u64,
}

/// Runs one: `instance URL-OF-REDIS KEY-PREFIX URL-OF-PAYMENTS`. It ends when its input does.
pub(super) fn run(args: &[String]) -> ExitCode {
    let [redis, prefix, payments] = args else {
        eprintln!("an instance is started by the story, with the addresses of Redis and payments");
        return ExitCode::from(2);
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ran = runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(serve(redis, prefix, payments)));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(redis: &str, prefix: &str, payments: &str) -> Result<(), Box<dyn Error>> {
    let steadfast = steadfast::setup()
        .redis(redis)
        .key_prefix(prefix)
        .start()
        .await?;
    let calls = Arc::new(Mutex::new(Calls::default()));
    let serving = call_and_call(payments, &calls);
    tokio::select! {
        () = serving => {}
        spoken = speak(&calls) => spoken?,
        _ = tokio::task::spawn_blocking(obey) => {}
    }
    steadfast.stop().await;
    Ok(())
}

async fn call_and_call(payments: &str, calls: &Mutex<Calls>) {
    let http = reqwest::Client::new();
    loop {
        let began = Instant::now();
        let result = charge(&http, payments).await;
        let mut calls = calls.lock().await;
        match result {
            Ok(()) => calls.ok += 1,
            Err(ChargeError::Rejected(_)) => {
                let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                calls.longest_refusal = calls.longest_refusal.max(took);
                calls.refused += 1;
            }
            Err(ChargeError::Http(_)) => calls.failed += 1,
        }
        drop(calls);
        sleep(PAUSE).await;
    }
}

/// Says how it is: at once when the breaker changed, else now and then.
async fn speak(calls: &Mutex<Calls>) -> io::Result<()> {
    let breaker = registry().breaker("payments-api");
    let mut last = (String::new(), false, Instant::now());
    loop {
        let status = breaker.status();
        let state = status.state.to_string();
        if last.0 != state || last.1 != status.degraded || last.2.elapsed() >= SPEAK {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            let said = Said {
                at: since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(0)),
                state: state.clone(),
                alone: status.degraded,
                failures: status.failures,
                calls: *calls.lock().await,
            };
            let mut out = io::stdout().lock();
            serde_json::to_writer(&mut out, &said)?;
            writeln!(out)?;
            out.flush()?;
            last = (state, status.degraded, Instant::now());
        }
        sleep(LOOK).await;
    }
}

/// What an operator types, until the input ends.
fn obey() {
    let breaker = registry().breaker("payments-api");
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match line.as_str() {
            "force_open" => breaker.force_open(),
            "reset" => breaker.reset(),
            other => eprintln!("{other:?} is nothing an instance can do"),
        }
    }
}
