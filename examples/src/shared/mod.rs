//! Several processes of one service that share a circuit breaker over Redis, and the story that is
//! played with them: `cargo xtask demo --shared 4`, and the program `shared`.
//!
//! ```text
//! instance     one process of the service: the code that a user writes
//! fleet        all of them, and what each says of itself
//! story        what happens to them, and what was to be seen
//! view         how it is shown
//! ```

mod fleet;
mod instance;
mod story;
mod view;

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

pub use story::{Scene, Told};

use crate::view::Screen;
use fleet::Fleet;
use view::View;

/// The first argument of a process that is an instance.
const INSTANCE: &str = "instance";
/// What to play.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How many instances; within [`INSTANCES`](crate::cli::INSTANCES).
    pub instances: u8,
    /// A Redis that is there; where none is given, one is started, and killed in the course of the
    /// story.
    pub redis: Option<String>,
    /// Whether the result is printed as JSON.
    pub json: bool,
}

/// Where this process was started as an instance: runs it to its end.
#[must_use]
pub fn run_if_instance() -> Option<ExitCode> {
    let args: Vec<String> = env::args().skip(1).collect();
    let (first, rest) = args.split_first()?;
    (first == INSTANCE).then(|| instance::run(rest))
}

/// Plays the story, shows it, and says at the end whether everything was as it was to be: then the exit
/// code is 0. What could not be tried at all is 2.
#[must_use]
pub fn play(plan: &Plan) -> ExitCode {
    let screen = match (plan.json, io::stdout().is_terminal()) {
        (true, _) => Screen::Error,
        (false, true) => Screen::Terminal,
        (false, false) => Screen::Output,
    };
    let told = Fleet::start(plan).and_then(|fleet| {
        let view = View::start(fleet.board(), fleet.quit(), screen)?;
        let told = story::tell(fleet);
        view.end()?;
        told
    });
    match told {
        Ok(told) => end(&told, plan.json),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn end(told: &Told, json: bool) -> ExitCode {
    let text = if json {
        serde_json::to_string_pretty(told).unwrap_or_default() + "\n"
    } else {
        view::summary(told)
    };
    // A reader who has left has seen enough.
    let _ = io::stdout().write_all(text.as_bytes());
    match told {
        told if told.interrupted => ExitCode::from(130),
        told if told.scenes.iter().all(|scene| scene.as_told) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
