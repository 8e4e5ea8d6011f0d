//! The demo: a checkout service whose sick dependencies are contained. `--help` says more.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use steadfast_examples::cli::Cli;
use steadfast_examples::demo::{Demo, Plan, StartError, Store};
use steadfast_examples::report::{Report, table};
#[cfg(unix)]
use steadfast_examples::shared;
use steadfast_examples::view::{Screen, View};

const TROUBLE: u8 = 1;
const BAD_INPUT: u8 = 2;
/// What shells give a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    #[cfg(unix)]
    if let Some(ended) = shared::run_if_instance() {
        return ended;
    }
    let cli = Cli::parse();
    if let Some(instances) = cli.shared {
        return share(instances, cli.redis, cli.json);
    }
    let plan = match cli.plan() {
        Ok(plan) => plan,
        Err(error) => return fail(BAD_INPUT, &error.to_string()),
    };
    if cli.example_config {
        print!("{}", steadfast::example_config());
        return ExitCode::SUCCESS;
    }
    let screen = match (cli.json, io::stdout().is_terminal()) {
        (true, _) => Screen::Error,
        (false, true) => Screen::Terminal,
        (false, false) => Screen::Output,
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(TROUBLE, &format!("no runtime can be had: {error}")),
    };
    // A Redis that was started ends with it.
    let store = Store::find(cli.redis);
    if let Err(error) = runtime.block_on(store.set_up(cli.config.as_deref())) {
        return fail(BAD_INPUT, &error.to_string());
    }
    let report = runtime.block_on(run(plan, screen, &store));
    // Hanging requests must not hold the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    match report {
        Ok(report) => show(&report, cli.json),
        Err(error @ StartError::Port { .. }) => fail(BAD_INPUT, &error.to_string()),
        Err(error) => fail(TROUBLE, &error.to_string()),
    }
}

#[cfg(unix)]
fn share(instances: u8, redis: Option<String>, json: bool) -> ExitCode {
    shared::play(&shared::Plan {
        instances,
        redis,
        json,
    })
}

#[cfg(not(unix))]
fn share(_: u8, _: Option<String>, _: bool) -> ExitCode {
    fail(BAD_INPUT, "`--shared` needs a system that Redis runs on")
}

fn fail(code: u8, error: &str) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(code)
}

async fn run(plan: Plan, screen: Screen, store: &Store) -> Result<Report, StartError> {
    let demo = Demo::start(plan).await?;
    announce(&demo.page(), store);
    let mut view = View::start(demo.stage(), screen);
    let report = demo
        .finish(async {
            tokio::select! {
                () = view.quit() => {}
                () = terminated() => {}
            }
        })
        .await;
    if let Err(error) = view.gone() {
        eprintln!("the terminal failed during the run: {error}");
    }
    Ok(report)
}

/// Says where to look; the live view in a terminal shows it too.
fn announce(page: &str, store: &Store) {
    // Whoever set a token knows it.
    let known = std::env::var_os("STEADFAST_ADMIN_TOKEN").is_some();
    let token = if known { "" } else { ", token: demo" };
    eprintln!("live page: {page} (metrics: {page}/metrics, health: {page}/health{token})");
    eprintln!("{store}");
}

/// Ready once the system asks this process to end.
async fn terminated() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut interrupt), Ok(mut terminate)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_ok() {
        return;
    }
    std::future::pending::<()>().await;
}

fn show(report: &Report, json: bool) -> ExitCode {
    let text = if json {
        match serde_json::to_string_pretty(report) {
            Ok(text) => text + "\n",
            Err(error) => return fail(TROUBLE, &format!("the result is no JSON: {error}")),
        }
    } else {
        table(report)
    };
    // A reader who has left has seen enough.
    let _ = io::stdout().write_all(text.as_bytes());
    if report.interrupted {
        return ExitCode::from(INTERRUPTED);
    }
    ExitCode::SUCCESS
}
