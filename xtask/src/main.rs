//! `cargo xtask`: the project's commands. Each one sets up what it needs, works from any folder of
//! the checkout, and ends with exit code 0 only when everything it did went well.

mod bounded;
mod cargo;
mod ci;
mod counts;
mod demo;
mod drills;
mod features;
mod fuzz;
mod lints;
mod loom;
mod memory;
mod model;
mod setup;
mod steps;
mod suites;
mod tools;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "The project's commands"
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run the demo: a checkout service whose sick dependencies are contained.
    #[command(disable_help_flag = true)]
    Demo {
        /// Handed to the demo as they are; `--help` shows the demo's own options.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Set up what the tests need, then run all of them.
    Test(suites::Args),
    /// Formatting, lints, docs, licences, every feature alone, MSRV, loom, unsafe code.
    Ci(ci::Args),
    /// Run the concurrency models under loom.
    Loom,
    /// Search the model of the shared protocol in full, and count what large fleets cost Redis, which takes
    /// minutes and some gigabytes.
    Model,
    /// Run the tests of unsafe code under Miri, or under valgrind where Miri is not installed.
    Miri(memory::Args),
    /// Write OPTIONS.md anew from the table of options.
    Options,
    /// Write steadfast.schema.json anew from the table of options.
    Schema,
    /// Run the fuzz targets, where a nightly toolchain and cargo-fuzz are installed.
    Fuzz(fuzz::Args),
    /// Run the drills of the shared state: real processes, a real Redis, and faults between them.
    #[command(disable_help_flag = true)]
    Drills {
        /// Handed to the drills as they are; `--help` shows what they take.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Run the benchmarks.
    Bench {
        /// Handed to the benchmark programs as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Measure what the attribute costs in compile time and binary size.
    CompileTime {
        /// Handed to `bench/compile_time.sh` as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
    /// Show what metrics cost: a scrape of 1,000 breakers, and instructions a call with and without.
    Metrics,
    /// Record the texts of the compile-fail cases anew, with the compiler in use.
    Trybuild,
}

fn main() -> ExitCode {
    let done = match Cli::parse().task {
        Task::Demo { args } => demo::run(&args),
        Task::Test(args) => suites::run(&args),
        Task::Ci(args) => ci::run(&args),
        Task::Loom => Ok(loom::run()),
        Task::Model => model::run(),
        Task::Miri(args) => Ok(memory::run(&args)),
        Task::Options => tools::options(),
        Task::Schema => tools::schema(),
        Task::Fuzz(args) => Ok(fuzz::run(&args)),
        Task::Drills { args } => drills::run(&args),
        Task::Bench { args } => tools::bench(&args),
        Task::CompileTime { args } => tools::compile_time(&args),
        Task::Metrics => tools::metrics(),
        Task::Trybuild => tools::trybuild(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn demo_args(line: &[&str]) -> Vec<OsString> {
        let line = ["cargo xtask", "demo"].iter().chain(line);
        match Cli::try_parse_from(line).map(|cli| cli.task) {
            Ok(Task::Demo { args }) => args,
            Ok(_) => panic!("parsed as another task"),
            Err(error) => panic!("refused: {error}"),
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_demo_gets_every_argument_as_it_was_given() {
        assert_eq!(demo_args(&["--help"]), ["--help"]);
        assert_eq!(demo_args(&["-h"]), ["-h"]);
        assert_eq!(
            demo_args(&["--port", "8080", "--json", "--", "-x"]),
            ["--port", "8080", "--json", "--", "-x"]
        );
        assert_eq!(demo_args(&[]), [""; 0]);
    }

    #[test]
    fn the_benchmarks_get_their_flags_too() {
        let cli = Cli::try_parse_from(["cargo xtask", "bench", "breaker", "--quick"]);
        let Ok(Task::Bench { args }) = cli.map(|cli| cli.task) else {
            panic!("not parsed as bench");
        };
        assert_eq!(args, ["breaker", "--quick"]);
    }

    #[test]
    fn an_unknown_task_is_refused() {
        assert!(Cli::try_parse_from(["cargo xtask", "tset"]).is_err());
    }
}
