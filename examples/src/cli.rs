//! The demo's command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::demo::Plan;
use crate::scenario::{LENGTHS, SHIPPED, Scenario, ScenarioError};

/// The least and the most processes that share a breaker in the demo of that.
pub const INSTANCES: std::ops::RangeInclusive<u8> = 2..=32;

/// Watch sick dependencies being contained.
///
/// One scenario is played to two shops at once. Both run the same code: pay, store the receipt, mail
/// it, ask a language model for a line of thanks; and show product pages. In one, each of these calls
/// carries the attribute `resilient`; in the other, none has a time limit, a retry, a breaker, a cache,
/// a fallback or a queue. Each shop has stand-ins and customers of its own, all on loopback, and the
/// same seed.
///
/// In a terminal the run is shown live; elsewhere as a line a second. It ends with a table of what
/// the policies saved. Exit code 2 says that the input was wrong.
#[derive(Debug, Parser)]
#[command(name = "checkout", bin_name = "cargo xtask demo", after_help = shipped())]
pub struct Cli {
    /// A shipped scenario, or the path of a file
    #[arg(long, value_name = "NAME|PATH", default_value = "outage")]
    pub scenario: String,

    /// Length of the run, from 5 to 600; the scenario's own where not given
    ///
    /// The scenario's phases are stretched or squeezed with it; latencies, time limits and the
    /// breakers' recovery of 2 s stay as they are. A few seconds more may pass until the last
    /// customers have left, and up to 5 until the last queued e-mail is out.
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true)]
    pub seconds: Option<Duration>,

    /// Decides which request is slow, fails, hangs or is reset: the same seed, the same fates
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = seed, allow_negative_numbers = true)]
    pub seed: u64,

    /// Port of the service with policies; 0 takes any that is free
    ///
    /// While the demo runs, POST /checkout takes {"id":1,"customer":"me@example.com","cents":999},
    /// GET /products/1 shows a page, and GET /breakers shows the state of each breaker. /admin is the live page, with metrics and
    /// health below it; to steer there, the token is "demo", or that of `STEADFAST_ADMIN_TOKEN`.
    #[arg(long, default_value_t = 0, value_parser = port, allow_negative_numbers = true)]
    pub port: u16,

    /// A configuration file of the policies (.toml, .yaml, .json), watched while the demo runs
    ///
    /// Change a threshold and save the file: the calls go on by it. `[breaker.payments]` with
    /// `failures = 2` is a beginning; `--example-config` writes a whole one.
    #[arg(long, value_name = "PATH")]
    pub config: Option<PathBuf>,

    /// Print a configuration file with what is in force, and end
    #[arg(long)]
    pub example_config: bool,

    /// Another demo: so many processes that share one circuit breaker over Redis, from 2 to 32
    ///
    /// What one of them sees, all know; when Redis is killed, each goes on alone.
    #[arg(long, value_name = "NUMBER", value_parser = instances, allow_negative_numbers = true,
          conflicts_with_all = ["scenario", "seconds", "seed", "port", "config", "example_config"])]
    pub shared: Option<u8>,

    /// A Redis that is there, as `redis://127.0.0.1/`, which is left alive
    ///
    /// E-mails that can't go out are queued in it, or, with `--shared`, a breaker is shared over it. Where
    /// none is given, the demo starts one of its own, which ends with it; where there is no
    /// `redis-server`, it says so, and goes on without a queue.
    #[arg(long, value_name = "URL")]
    pub redis: Option<String>,

    /// Print the result as JSON on standard output, and what happens meanwhile on standard error
    #[arg(long)]
    pub json: bool,
}

impl Cli {
    /// What to run.
    ///
    /// # Errors
    /// Where there is no such scenario, or its file has faults.
    pub fn plan(&self) -> Result<Plan, ScenarioError> {
        let scenario = Scenario::find(&self.scenario)?;
        let scenario = match self.seconds {
            Some(length) => scenario.lasting(length),
            None => scenario,
        };
        Ok(Plan {
            name: self.scenario.clone(),
            scenario,
            seed: self.seed,
            port: self.port,
        })
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let wanted = format!(
        "write a whole number of seconds from {} to {}",
        LENGTHS.start().as_secs(),
        LENGTHS.end().as_secs()
    );
    // "30s" is an honest way to say 30.
    let number = text.strip_suffix('s').unwrap_or(text);
    let seconds: u64 = number.parse().map_err(|_| wanted.clone())?;
    let length = Duration::from_secs(seconds);
    if LENGTHS.contains(&length) {
        Ok(length)
    } else {
        Err(wanted)
    }
}

/// How many processes share a breaker in the demo of that.
///
/// # Errors
/// Says what to write.
pub fn instances(text: &str) -> Result<u8, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| INSTANCES.contains(number));
    number.ok_or_else(|| {
        let (least, most) = (INSTANCES.start(), INSTANCES.end());
        format!("write a whole number from {least} to {most}")
    })
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse()
        .map_err(|_| format!("write a whole number from 0 to {}", u64::MAX))
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| {
        format!(
            "write a port from 1 to {}, or 0 for any that is free",
            u16::MAX
        )
    })
}

fn shipped() -> String {
    let lines = SHIPPED.map(|(name, text)| {
        let read = Scenario::parse(name, text);
        let title = read.map_or_else(|error| error.to_string(), |scenario| scenario.title);
        format!("  {name:<14}{title}")
    });
    format!("Scenarios:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn seconds_are_whole_and_within_reason() {
        assert_eq!(seconds("30"), Ok(Duration::from_secs(30)));
        assert_eq!(seconds("30s"), Ok(Duration::from_secs(30)));
        for bad in ["0", "4", "601", "-1", "many", "1.5", ""] {
            let message = seconds(bad).unwrap_err();
            assert!(message.contains("from 5 to 600"), "{bad}: {message}");
        }
    }

    #[test]
    fn a_wrong_value_says_what_to_write() {
        for (option, value, wanted) in [
            ("--seconds", "-3", "from 5 to 600"),
            ("--port", "99999", "from 1 to 65535"),
            ("--seed", "-1", "whole number"),
            ("--shared", "1", "from 2 to 32"),
        ] {
            let error = Cli::try_parse_from(["checkout", option, value]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(wanted), "{error}");
        }
    }

    #[test]
    fn a_given_length_stretches_the_scenario() {
        let cli = Cli::parse_from(["checkout", "--seconds", "60"]);
        assert_eq!(cli.plan().unwrap().scenario.length, Duration::from_secs(60));
    }
}
