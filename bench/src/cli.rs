//! The command line.

use std::process::ExitCode;

use clap::Parser;

use crate::item::{Contender, Item};
use crate::report::{self, Result};
use crate::{measure, work};

#[derive(Parser)]
#[command(
    name = "cargo bench -p steadfast-bench --",
    about = "Steadfast side by side with its peers"
)]
struct Args {
    /// Only items of work, or contenders (`work/contender`), whose names contain this.
    #[arg(default_value = "")]
    filter: String,
    /// Interleaved rounds; the figures are their medians.
    #[arg(long, default_value_t = 41, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Print the figures as JSON.
    #[arg(long)]
    json: bool,
    /// Print the names of all contenders.
    #[arg(long, conflicts_with_all = ["json", "calls"])]
    list: bool,
    /// Measure nothing: make so many calls of each contender, for a tool that counts instructions.
    #[arg(long, value_name = "N", conflicts_with = "json")]
    calls: Option<u64>,
    /// Given by cargo.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Runs the benchmarks.
#[must_use]
pub fn main() -> ExitCode {
    let args = Args::parse();
    let items = chosen(&args.filter);
    if items.is_empty() {
        eprintln!("error: nothing is named so; `--list` prints all names");
        return ExitCode::FAILURE;
    }
    if args.list {
        each(&items, |item, contender| {
            println!("{}", full_name(item, contender));
        });
    } else if let Some(calls) = args.calls {
        each(&items, |item, contender| {
            measure::run_once(item, contender, calls);
        });
    } else {
        let results = items.iter().map(|item| {
            let figures = measure::measure(item, args.rounds.into());
            let result = Result::new(item, figures);
            if !args.json {
                report::print(&result);
            }
            result
        });
        let results: Vec<Result> = results.collect();
        if args.json {
            println!("{:#}", report::json(&results));
        }
    }
    ExitCode::SUCCESS
}

fn full_name(item: &Item, contender: &Contender) -> String {
    format!("{}/{}", item.work, contender.name)
}

fn chosen(filter: &str) -> Vec<Item> {
    let mut items = work::items();
    let exact = has(&items, filter);
    for item in &mut items {
        let mut contenders = std::mem::take(&mut item.contenders);
        contenders.retain(|contender| {
            let name = full_name(item, contender);
            name == filter || !exact && name.contains(filter)
        });
        item.contenders = contenders;
    }
    items.retain(|item| !item.contenders.is_empty());
    items
}

/// Whether a contender is named so in full.
fn has(items: &[Item], name: &str) -> bool {
    let mut found = false;
    each(items, |item, contender| {
        found |= full_name(item, contender) == name;
    });
    found
}

fn each(items: &[Item], mut act: impl FnMut(&Item, &Contender)) {
    for item in items {
        item.contenders
            .iter()
            .for_each(|contender| act(item, contender));
    }
}
