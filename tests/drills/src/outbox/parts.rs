//! The processes of the drill: those that push, and those that work.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use steadfast::Outbox;
use tokio::time::sleep;

/// Entries that a process has under way at a time.
const AT_A_TIME: usize = 32;

/// Runs the part that the command line asks for.
///
/// # Errors
///
/// Where it can't do it.
pub fn part() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(2).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match words[..] {
            ["push", url, from, count, pace] => {
                push(url, from.parse()?, count.parse()?, pace.parse()?).await
            }
            ["work", url, file] => work(url, file).await,
            _ => bail!("a part is `push URL FROM COUNT PACE` or `work URL FILE`"),
        }
    })
}

async fn outbox(url: &str) -> Result<Outbox<u64>> {
    steadfast::setup().redis(url).start().await?;
    Ok(Outbox::open("drill").await?)
}

/// Pushes each order until that is acknowledged, no more than `pace` a second.
async fn push(url: &str, from: u64, count: u64, pace: u64) -> Result<()> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let outbox = outbox(url).await?;
    let mut tasks = Vec::new();
    let pause = Duration::from_secs(AT_A_TIME as u64) / u32::try_from(pace)?;
    for _ in 0..AT_A_TIME {
        let outbox = outbox.clone();
        tasks.push(tokio::spawn(async move {
            loop {
                let order = NEXT.fetch_add(1, Ordering::Relaxed);
                if order >= count {
                    return;
                }
                sleep(pause).await;
                while outbox.push(&(from + order)).await.is_err() {
                    sleep(Duration::from_millis(20)).await;
                }
            }
        }));
    }
    for task in tasks {
        task.await?;
    }
    Ok(())
}

/// Notes each order in a file: what is there was handled, whatever comes of the process.
async fn work(url: &str, file: &str) -> Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(file);
    let file: &'static Mutex<_> = Box::leak(Box::new(Mutex::new(file.context("its file")?)));
    let outbox = outbox(url).await?;
    let worker = outbox.worker(move |order: u64| async move {
        let mut file = file.lock().map_err(|_| std::io::Error::other("poisoned"))?;
        file.write_all(format!("{order}\n").as_bytes())
    });
    let worker = worker.concurrency(AT_A_TIME);
    worker.claim_after(Duration::from_secs(2)).await?;
    Ok(())
}
