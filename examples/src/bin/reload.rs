//! An operator changes thresholds while calls run: the file is watched, what it says is checked, and
//! no call notices more than its own limits.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use std::{env, fs, io, process};

use steadfast::{ConfigStatus, SetupError, Steadfast, registry, resilient};
use tokio::time::{Instant, sleep};

#[resilient(name = "stock", breaker = "warehouse", retry(max = 2), timeout = "1s")]
async fn stock(item: u64) -> io::Result<u64> {
    sleep(Duration::from_millis(2)).await;
    Ok(item % 7)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("steadfast-reload-{}", process::id()));
    fs::create_dir_all(&folder)?;
    let file = folder.join("steadfast.toml");
    let shown = story(&file).await;
    fs::remove_dir_all(&folder)?;
    shown
}

async fn story(file: &PathBuf) -> Result<(), Box<dyn Error>> {
    fs::write(file, "[breaker.warehouse]\nfailures = 3\n")?;
    let steadfast = steadfast::setup().config_file(file).watch().start().await?;
    let calls = Calls::begin();
    println!("Calls run, and go on running. The file says that 3 failures open the circuit:");
    show();

    println!("\nAn operator edits the file:");
    fs::write(
        file,
        "[breaker.warehouse]\nfailures = 8\n[call.stock]\ntimeout = \"300ms\"\n",
    )?;
    until(&steadfast, |status| status.loaded == 2).await?;
    show();

    println!("\nThen makes a mistake. Nothing changes but this:");
    fs::write(file, "[breaker.warehouse]\nfaliures = 20\n[call.stok]\n")?;
    let status = until(&steadfast, |status| status.failed == 1).await?;
    for fault in status.error.iter().flat_map(SetupError::faults) {
        let named = file.with_file_name("");
        println!("  {}", fault.replace(&*named.to_string_lossy(), ""));
    }
    show();

    println!("\nThe mistake is mended, by a file that is renamed over the old one:");
    let draft = file.with_extension("draft");
    fs::write(&draft, "[breaker.warehouse]\nfailures = 20\n")?;
    fs::rename(&draft, file)?;
    until(&steadfast, |status| status.loaded == 3).await?;
    show();

    steadfast.stop().await;
    let (made, failed) = calls.end().await?;
    let counted = steadfast::sites()
        .find(|site| site.name() == "stock")
        .map(|site| site.calls().ok);
    println!(
        "\nCalls made meanwhile: {made}. Failed: {failed}. Lost from the count: {}",
        made - counted.unwrap_or(0)
    );
    Ok(())
}

/// What holds now.
fn show() {
    let threshold = registry().breaker("warehouse").status().failure_threshold;
    let site = steadfast::sites().find(|site| site.name() == "stock");
    let values = site.map(|site| site.values()).unwrap_or_default();
    let timeout = values.iter().find(|value| value.path == "timeout");
    let timeout = timeout
        .map(|timeout| timeout.value.to_string())
        .unwrap_or_default();
    println!("  failures {}, timeout {timeout}", threshold.unwrap_or(0));
}

/// Waits until a load has ended so.
async fn until(
    steadfast: &Steadfast,
    is: impl Fn(&ConfigStatus) -> bool,
) -> io::Result<ConfigStatus> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        let status = steadfast.status();
        if is(&status) {
            return Ok(status);
        }
        sleep(Duration::from_millis(20)).await;
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "the change was not seen",
    ))
}

/// Four callers that call and call.
struct Calls {
    over: Arc<AtomicBool>,
    failed: Arc<AtomicU64>,
    callers: Vec<tokio::task::JoinHandle<u64>>,
}

impl Calls {
    fn begin() -> Self {
        let (over, failed) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let caller = |_| {
            let (over, failed) = (over.clone(), failed.clone());
            tokio::spawn(async move {
                let mut made = 0;
                while !over.load(Ordering::Relaxed) {
                    let fails = stock(made).await.is_err();
                    failed.fetch_add(u64::from(fails), Ordering::Relaxed);
                    made += 1;
                }
                made
            })
        };
        let callers = (0..4).map(caller).collect();
        Self {
            over,
            failed,
            callers,
        }
    }

    async fn end(self) -> Result<(u64, u64), tokio::task::JoinError> {
        self.over.store(true, Ordering::Relaxed);
        let mut made = 0;
        for caller in self.callers {
            made += caller.await?;
        }
        Ok((made, self.failed.load(Ordering::Relaxed)))
    }
}
