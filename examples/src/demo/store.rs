//! The Redis that letters are queued in, and the setup with it.

use std::fmt;
use std::path::Path;
use std::process;

use steadfast::SetupError;
#[cfg(unix)]
use steadfast_rig::{Folder, Server, StartError};

/// The variable that names a Redis, and beats what the command line says.
const VARIABLE: &str = "STEADFAST_REDIS_URL";
/// The demo of shared breakers is in the same program, and a setup refuses its breaker where there is no
/// Redis, unless it is told otherwise in this file.
#[cfg(unix)]
const ALONE: &str = "alone.toml";
#[cfg(unix)]
const LOCAL: &str = "[breaker.payments-api]\nscope = \"local\"\n";

/// Where letters are queued.
#[derive(Debug)]
pub struct Store(Kind);

#[derive(Debug)]
enum Kind {
    /// In a Redis that is there, which is left alive.
    Given(String),
    /// In the one that the environment names.
    Named,
    /// In one that was started for the demo, and ends with it.
    #[cfg(unix)]
    Own(Server),
    /// Nowhere, and why; with a file that lets the other demo's breaker be without a Redis.
    None(String, #[cfg(unix)] Option<Folder>),
}

impl Store {
    /// The Redis that was given or is named by the environment; else one is started, which takes some
    /// milliseconds.
    #[must_use]
    pub fn find(given: Option<String>) -> Self {
        let named = std::env::var_os(VARIABLE).is_some_and(|url| !url.is_empty());
        Self(match given {
            _ if named => Kind::Named,
            Some(url) => Kind::Given(url),
            None => start(),
        })
    }

    /// Sets the process up with it, and with a file of configuration, which is watched.
    ///
    /// # Errors
    /// Where the file has faults, or the address of Redis is none.
    pub async fn set_up(&self, file: Option<&Path>) -> Result<(), SetupError> {
        // Nobody else's queue, and no earlier demo's.
        let setup = steadfast::setup().key_prefix(format!("steadfast-demo-{}", process::id()));
        let setup = match &self.0 {
            Kind::Given(url) => setup.redis(url),
            Kind::Named => setup,
            #[cfg(unix)]
            Kind::Own(server) => setup.redis(server.url()),
            // Attributes and variables hold without a setup.
            Kind::None(..) if file.is_none() => return Ok(()),
            #[cfg(unix)]
            Kind::None(_, Some(folder)) => setup.config_file(folder.file(ALONE)),
            Kind::None(..) => setup,
        };
        let setup = match file {
            Some(file) => setup.config_file(file).watch(),
            None => setup,
        };
        // Dropping what was set up stops nothing: the file is watched as long as the demo runs.
        setup.start().await.map(drop)
    }
}

#[cfg(unix)]
fn start() -> Kind {
    // As a queue that is to lose nothing needs it: a letter is on the disk before it counts as queued.
    let why = match Server::options().appendonly().try_start() {
        Ok(server) => return Kind::Own(server),
        Err(StartError::NoProgram(program)) => format!("`{program}` is not installed"),
        Err(error) => error.to_string(),
    };
    let folder = Folder::new().ok();
    Kind::None(
        why,
        folder.filter(|folder| folder.write(ALONE, LOCAL).is_ok()),
    )
}

#[cfg(not(unix))]
fn start() -> Kind {
    Kind::None("Redis does not run on this system; name one with --redis URL".to_owned())
}

/// Says where letters are queued, or why they are not.
impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Given(_) => write!(f, "e-mails are queued in the Redis that was given"),
            Kind::Named => write!(f, "e-mails are queued in the Redis of {VARIABLE}"),
            #[cfg(unix)]
            Kind::Own(server) => write!(
                f,
                "e-mails are queued in a Redis of the demo's own, at {}",
                server.url()
            ),
            Kind::None(why, ..) => write!(
                f,
                "no Redis: e-mails that fail are not queued, and lost ({why})"
            ),
        }
    }
}
