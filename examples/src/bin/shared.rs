//! Several processes of one service share a circuit breaker over Redis: what one of them sees, all know,
//! and when Redis dies, each goes on alone. The code of an instance is `src/shared/instance.rs`.

#[cfg(unix)]
use std::process::ExitCode;

#[cfg(unix)]
use clap::Parser;
#[cfg(unix)]
use steadfast_examples::{
    cli::instances,
    shared::{Plan, play, run_if_instance},
};

/// Watch several processes that share one circuit breaker over Redis.
#[cfg(unix)]
#[derive(Parser)]
#[command(name = "shared")]
struct Cli {
    /// How many processes, from 2 to 32
    #[arg(long, value_name = "NUMBER", default_value = "3", value_parser = instances, allow_negative_numbers = true)]
    instances: u8,

    /// A Redis that is there, as `redis://127.0.0.1/`; one is started, and killed, where none is given
    #[arg(long, value_name = "URL")]
    redis: Option<String>,

    /// Print the result as JSON on standard output, and what happens meanwhile on standard error
    #[arg(long)]
    json: bool,
}

#[cfg(unix)]
fn main() -> ExitCode {
    if let Some(ended) = run_if_instance() {
        return ended;
    }
    let cli = Cli::parse();
    play(&Plan {
        instances: cli.instances,
        redis: cli.redis,
        json: cli.json,
    })
}

#[cfg(not(unix))]
fn main() {
    eprintln!("this needs a system that Redis runs on");
    std::process::exit(2);
}
