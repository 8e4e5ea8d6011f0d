//! A program that shares one breaker with others: orders come as lines of JSON on standard input, and
//! each is answered by a line on standard output. It ends when its input does.

mod heard;
mod load;
mod order;
mod work;

use std::io::{self, BufRead, Write};
use std::time::Duration;
use std::{panic, process};

use anyhow::{Context, Result};
use serde::Serialize;
use steadfast::options::{Scope, Window};
use steadfast::{Policy, PolicyError, Ratio, SetupError, Steadfast};

pub use heard::Heard;
pub use order::{Answered, Done, Joining, On, Order, Place, Shown, Start, Waited};

use work::Work;

/// The name of the breaker that all nodes share.
pub const BREAKER: &str = "drill";
/// The name of the one that only counts.
pub const COUNTER: &str = "counter";

/// Runs until the input ends.
///
/// # Errors
///
/// Where the input is not what a driver sends.
pub fn run() -> Result<()> {
    die_with_any_thread();
    heard::listen();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let mut lines = io::stdin().lock().lines();
    let first = lines.next().context("no first line")??;
    let start: Start = serde_json::from_str(&first)?;
    let joined = runtime.block_on(join(&start));
    let (steadfast, joining) = match joined {
        Ok(steadfast) => (Some(steadfast), Joining { error: None }),
        Err(error) => (
            None,
            Joining {
                error: Some(error.to_string()),
            },
        ),
    };
    answer(&joining)?;
    if steadfast.is_none() {
        return Ok(());
    }
    build(&start)?;
    let mut work = Work::new();
    for line in lines {
        let order: Order = serde_json::from_str(&line?)?;
        answer(&work.obey(&order))?;
    }
    Ok(())
}

/// A panic of the library's own thread would go unseen.
fn die_with_any_thread() {
    let told = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        told(info);
        process::exit(101);
    }));
}

fn answer(answer: &impl Serialize) -> Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, answer)?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

async fn join(start: &Start) -> Result<Steadfast, SetupError> {
    let setup = steadfast::setup().key_prefix(&start.prefix);
    let setup = match &start.place {
        Place::Server(url) => setup.redis(url),
        Place::Sentinels(master, urls) => setup.redis_sentinel(master, urls),
        Place::Cluster(urls) => setup.redis_cluster(urls),
    };
    let setup = match &start.ca_file {
        Some(file) => setup.redis_ca_file(file),
        None => setup,
    };
    let setup = match &start.identity {
        Some((cert, key)) => setup.redis_client_cert(cert, key),
        None => setup,
    };
    setup.start().await
}

/// Makes the breakers, as code that uses them would.
fn build(start: &Start) -> Result<(), PolicyError> {
    let ms = Duration::from_millis;
    Policy::builder(BREAKER)
        .breaker(BREAKER, |breaker| {
            let breaker = breaker
                .scope(Scope::Shared)
                .failures(start.failures)
                .window(Window::For(ms(start.window_ms)))
                .recovery(ms(start.recovery_ms))
                .half_open(start.half_open)
                .close_after(start.close_after)
                .probe_timeout(ms(start.probe_timeout_ms))
                .quorum(start.quorum);
            match start.failure_rate.and_then(Ratio::new) {
                Some(rate) => breaker.failure_rate(rate),
                None => breaker,
            }
        })
        .build()?;
    for number in 0..start.more {
        let name = format!("more-{number}");
        Policy::builder(&name)
            .breaker(&name, |breaker| breaker.scope(Scope::Shared))
            .build()?;
    }
    if start.counter {
        Policy::builder(COUNTER)
            .breaker(COUNTER, |breaker| {
                breaker.scope(Scope::Shared).failures(u32::MAX)
            })
            .build()?;
    }
    Ok(())
}
