//! The command line: runs drills, and is the nodes that they run.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use crate::report::{Report, table};
use crate::storm::Plan;
use crate::{limiter, list, node, outbox, storm};
use clap::Parser;

/// Drills of what a fleet shares: real processes, a real Redis, and faults between them.
///
/// Each prints what was expected beside what was measured. Exit code 1 says that something was not as
/// expected. Times are printed beside those of an idle thread; only ten times a figure over that
/// fails, and up to there it is `slow`.
#[derive(Parser)]
#[command(name = "drills", bin_name = "cargo xtask drills")]
struct Cli {
    /// Numbers or names of drills; all where none is given
    drills: Vec<String>,

    /// List them
    #[arg(long)]
    list: bool,

    /// How many runs the storm has
    #[arg(long, default_value_t = 200)]
    runs: u32,

    /// Seed of the storm's first run; the next run has the next
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// How many of the storm's runs go on at a time
    #[arg(long, default_value_t = 4)]
    at_a_time: u32,

    /// Write the table to this file too
    #[arg(long)]
    table: Option<PathBuf>,
}

/// The whole program.
#[must_use]
pub fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("node") {
        return end(node::run());
    }
    if std::env::args().nth(1).as_deref() == Some("outbox-part") {
        return end(outbox::part());
    }
    if std::env::args().nth(1).as_deref() == Some("limiter") {
        return end(limiter::node::run());
    }
    let cli = Cli::parse();
    if cli.list {
        for drill in list::all() {
            println!("{:<7} {}", drill.id, drill.title);
        }
        return ExitCode::SUCCESS;
    }
    storm::plan(Plan {
        runs: cli.runs,
        seed: cli.seed,
        at_a_time: cli.at_a_time,
    });
    match list::chosen(&cli.drills) {
        Ok(drills) => run(&drills, cli.table),
        Err(error) => end(Err(error)),
    }
}

fn run(drills: &[list::Drill], file: Option<PathBuf>) -> ExitCode {
    let mut reports: Vec<Report> = Vec::new();
    for drill in drills {
        let began = Instant::now();
        reports.push(list::run(drill));
        println!("        {:.1} s", began.elapsed().as_secs_f64());
    }
    let table = table(&reports);
    println!("\n{table}");
    if let Some(file) = file
        && let Err(error) = std::fs::write(&file, &table)
    {
        return end(Err(error.into()));
    }
    let failed = reports.iter().filter(|report| !report.is_ok()).count();
    println!("{} drills, {failed} failed", reports.len());
    ExitCode::from(u8::from(failed > 0))
}

fn end(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
