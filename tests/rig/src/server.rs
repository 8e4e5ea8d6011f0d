//! One `redis-server`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use std::{env, thread};

use crate::options::{Options, faketime};
use crate::process::{Process, find};
use crate::{Client, Folder, Monitor, Reply, free_port};

/// How long a server may take to answer, on a machine that does much else.
const START: Duration = Duration::from_secs(20);
const CLOCK: &str = "clock";

/// Why no server could be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The program is not installed.
    #[error(
        "`{0}` is not installed, and nothing here mocks it: install the package `redis-server` \
         (`cargo xtask test` does where it may), or name another program in TEST_REDIS_SERVER"
    )]
    NoProgram(String),
    /// The library that moves a clock is not installed.
    #[error("libfaketime is not installed: install the package `faketime`")]
    NoFaketime,
    /// It ended, or never answered.
    #[error("redis-server does not answer: {0}")]
    Silent(String),
    /// A file or a process failed.
    #[error("redis-server could not be started: {0}")]
    Io(#[from] io::Error),
}

/// A server that answers. It ends when this value is dropped.
#[derive(Debug)]
pub struct Server {
    process: Process,
    folder: Folder,
    options: Options,
    program: PathBuf,
    port: u16,
}

impl Server {
    /// A server on a free port that keeps nothing and asks for no password.
    ///
    /// # Panics
    ///
    /// Where that fails; the text says why, and where `redis-server` is missing how to get it.
    #[must_use]
    pub fn start() -> Self {
        Self::options().start()
    }

    /// What a server can be started with.
    pub fn options() -> Options {
        Options::default()
    }

    pub(crate) fn from(options: &Options) -> Result<Self, StartError> {
        let wanted = env::var("TEST_REDIS_SERVER").unwrap_or_else(|_| "redis-server".to_owned());
        let program = find(&wanted).ok_or(StartError::NoProgram(wanted))?;
        if options.clock && faketime().is_none() {
            return Err(StartError::NoFaketime);
        }
        let mut tries = 0;
        loop {
            tries += 1;
            let port = options.port.unwrap_or_else(free_port);
            let folder = Folder::new()?;
            let process = spawn(&program, &folder, options, port)?;
            let mut server = Self {
                process,
                folder,
                options: options.clone(),
                program: program.clone(),
                port,
            };
            match server.answers() {
                // Another process may have taken the port meanwhile.
                Err(StartError::Silent(_)) if options.port.is_none() && tries < 5 => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(server),
            }
        }
    }

    /// Waits until it answers.
    fn answers(&mut self) -> Result<(), StartError> {
        let end = Instant::now() + START;
        let mut last = "no answer".to_owned();
        while Instant::now() < end {
            if let Some(status) = self.process.ended() {
                let log = fs::read_to_string(self.folder.file("log")).unwrap_or_default();
                return Err(StartError::Silent(format!("it ended ({status}):\n{log}")));
            }
            match self
                .client()
                .and_then(|mut client| client.command(&["PING"]))
            {
                Ok(Reply::Text(_)) => return Ok(()),
                Ok(other) => last = other.to_string(),
                Err(error) => last = error.to_string(),
            }
            thread::sleep(Duration::from_millis(5));
        }
        Err(StartError::Silent(last))
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// `redis://[:password@]127.0.0.1:port/`, or `rediss://` where it speaks TLS.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_at(self.addr())
    }

    /// As [`url`](Self::url), through somebody who listens elsewhere, such as a [`Proxy`](crate::Proxy).
    #[must_use]
    pub fn url_at(&self, addr: SocketAddr) -> String {
        let scheme = if self.options.tls { "rediss" } else { "redis" };
        let login = self.options.password.as_ref();
        let login = login.map_or_else(String::new, |password| format!(":{password}@"));
        format!("{scheme}://{login}{addr}/")
    }

    /// `unix:/path`, which every server listens on besides.
    #[must_use]
    pub fn unix_url(&self) -> String {
        let login = self.options.password.as_ref();
        let login = login.map_or_else(String::new, |password| format!("?pass={password}"));
        format!("unix:{}{login}", self.socket().display())
    }

    fn socket(&self) -> PathBuf {
        self.folder.file("s")
    }

    /// A connection past all faults, over its unix socket.
    ///
    /// # Errors
    ///
    /// Where it does not listen.
    pub fn client(&self) -> io::Result<Client> {
        Client::connect(&self.socket(), self.options.password.as_deref())
    }

    /// One command, on a connection of its own past all faults.
    ///
    /// # Panics
    ///
    /// Where it does not answer; an answer that is an error is a [`Reply`].
    #[expect(
        clippy::must_use_candidate,
        reason = "most commands are for their effect"
    )]
    pub fn command(&self, words: &[&str]) -> Reply {
        self.client()
            .and_then(|mut client| client.command(words))
            .unwrap_or_else(|error| panic!("{words:?} got no answer: {error}"))
    }

    /// Watches what commands reach it.
    ///
    /// # Panics
    ///
    /// Where it does not answer.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        self.client()
            .and_then(Monitor::start)
            .unwrap_or_else(|error| panic!("MONITOR got no answer: {error}"))
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Stops it with SIGSTOP: connections stay open, and nobody answers.
    pub fn pause(&mut self) {
        self.process.pause();
    }

    /// Lets it go on after a [`pause`](Self::pause).
    pub fn resume(&mut self) {
        self.process.resume();
    }

    /// Starts it anew on the same port, ending it first where it still runs. What it knew is gone,
    /// unless it is [`appendonly`](Options::appendonly).
    ///
    /// # Panics
    ///
    /// Where it does not come to answer.
    pub fn restart(&mut self) {
        self.kill();
        let _ = fs::remove_file(self.socket());
        self.process = spawn(&self.program, &self.folder, &self.options, self.port)
            .unwrap_or_else(|error| panic!("redis-server could not be started again: {error}"));
        if let Err(error) = self.answers() {
            panic!("{error}");
        }
    }

    /// Sets its clock to that of the system and so many seconds more.
    ///
    /// # Panics
    ///
    /// Where it was not started with a [`movable_clock`](Options::movable_clock).
    pub fn shift_clock(&self, seconds: i64) {
        assert!(
            self.options.clock,
            "start it with `movable_clock` to move its clock"
        );
        // By renaming, so that it never reads half a file.
        let written = self
            .folder
            .write("clock.new", &format!("{seconds:+}"))
            .and_then(|new| fs::rename(new, self.folder.file(CLOCK)));
        written.unwrap_or_else(|error| panic!("the clock's file: {error}"));
    }

    /// What it logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.file("log")).unwrap_or_default()
    }
}

fn spawn(
    program: &Path,
    folder: &Folder,
    options: &Options,
    port: u16,
) -> Result<Process, StartError> {
    let socket = folder.file("s").display().to_string();
    let conf = folder.file("redis.conf");
    // A sentinel writes what it has learned into its file.
    if !(options.sentinel && conf.exists()) {
        fs::write(&conf, options.conf(port, &socket))?;
    }
    let mut command = Process::of(program);
    command.arg(&conf).current_dir(folder.path());
    if options.sentinel {
        command.arg("--sentinel");
    }
    if options.clock
        && let Some(library) = faketime()
    {
        let clock = folder.write(CLOCK, "+0")?;
        // jemalloc asks for the time while it is set up, and waits for itself there: libc's `malloc`
        // stands before it.
        command
            .env("LD_PRELOAD", format!("{} libc.so.6", library.display()))
            .env("FAKETIME_TIMESTAMP_FILE", clock)
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    }
    let log = fs::File::create(folder.file("log"))?;
    command
        // A Ctrl-C in the terminal is for the program that holds the server, and ends it when it has ended.
        .process_group(0)
        .stdin(Stdio::null())
        .stderr(log.try_clone()?)
        .stdout(log);
    Ok(Process::start(command)?)
}
