//! Several processes of one service share a circuit breaker over Redis: what one of them sees, all know,
//! and when Redis dies, each goes on alone. The code of an instance is `src/shared/instance.rs`.

use std::env;
use std::process::ExitCode;

use clap::Parser;
use steadfast_examples::cli::instances;
use steadfast_examples::shared::{INSTANCE, Plan, play, run_instance};

/// Watch several processes that share one circuit breaker over Redis.
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

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == INSTANCE) {
        return run_instance(&args[1..]);
    }
    let cli = Cli::parse();
    play(&Plan {
        instances: cli.instances,
        redis: cli.redis,
        json: cli.json,
    })
}
