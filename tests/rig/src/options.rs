//! How a server is to be started.

use std::path::PathBuf;

use crate::{Server, StartError};

/// What a server is started with; from [`Server::options`].
#[derive(Clone, Debug, Default)]
#[must_use = "start it"]
pub struct Options {
    pub(crate) directives: Vec<(String, String)>,
    pub(crate) password: Option<String>,
    pub(crate) tls: bool,
    pub(crate) port: Option<u16>,
    pub(crate) clock: bool,
    pub(crate) sentinel: bool,
}

impl Options {
    /// A directive of `redis.conf`.
    pub fn set(mut self, directive: &str, value: &str) -> Self {
        self.directives
            .push((directive.to_owned(), value.to_owned()));
        self
    }

    /// Keeps what is written: each command is on the disk before its answer.
    pub fn appendonly(self) -> Self {
        self.set("appendonly", "yes").set("appendfsync", "always")
    }

    /// Asks for a password; [`Server::url`] holds it.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.set("requirepass", password)
            .set("masterauth", password)
    }

    /// Speaks TLS on its port, by a certificate of this authority for `localhost` and 127.0.0.1.
    /// Clients need none.
    ///
    /// # Panics
    ///
    /// Where the certificate cannot be made.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, authority: &crate::Authority) -> Self {
        let own = authority.identity("localhost");
        self.tls = true;
        let text = |path: &PathBuf| path.display().to_string();
        self.set("tls-cert-file", &text(&own.cert))
            .set("tls-key-file", &text(&own.key))
            .set("tls-ca-cert-file", &text(&authority.ca_file()))
            .set("tls-auth-clients", "no")
    }

    /// Speaks TLS as [`tls`](Self::tls) does, and only with clients that show a certificate of the same
    /// authority.
    ///
    /// # Panics
    ///
    /// Where the certificate cannot be made.
    #[cfg(feature = "tls")]
    pub fn mutual_tls(self, authority: &crate::Authority) -> Self {
        self.tls(authority).set("tls-auth-clients", "yes")
    }

    /// A bound on memory, such as `1mb`, at which writes are refused.
    pub fn maxmemory(self, bound: &str) -> Self {
        self.set("maxmemory", bound)
            .set("maxmemory-policy", "noeviction")
    }

    /// Follows another server.
    pub fn replica_of(self, primary: &Server) -> Self {
        self.set("replicaof", &format!("127.0.0.1 {}", primary.port()))
    }

    /// Listens on this port instead of any that is free.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Gives it a clock that [`Server::shift_clock`] moves, by the library of `faketime`; where that is
    /// not installed, starting is [`StartError::NoFaketime`].
    pub fn movable_clock(mut self) -> Self {
        self.clock = true;
        self
    }

    pub(crate) fn sentinel(mut self) -> Self {
        self.sentinel = true;
        self
    }

    /// Starts it, and waits until it answers.
    ///
    /// # Panics
    ///
    /// Where that fails; the text says why, and where `redis-server` is missing how to get it.
    #[must_use]
    pub fn start(self) -> Server {
        self.try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`start`](Self::start), without a panic.
    ///
    /// # Errors
    ///
    /// Where there is no `redis-server`, or it does not come to answer.
    pub fn try_start(self) -> Result<Server, StartError> {
        Server::from(&self)
    }

    /// The whole of `redis.conf`.
    pub(crate) fn conf(&self, port: u16, socket: &str) -> String {
        let (plain, tls) = if self.tls { (0, port) } else { (port, 0) };
        let mut lines = vec![
            "bind 127.0.0.1".to_owned(),
            format!("port {plain}"),
            format!("unixsocket {socket}"),
            "protected-mode no".to_owned(),
            "daemonize no".to_owned(),
        ];
        if tls != 0 {
            lines.push(format!("tls-port {tls}"));
        }
        if !self.sentinel {
            lines.push("save \"\"".to_owned());
            lines.push("enable-debug-command yes".to_owned());
            lines.push("repl-diskless-sync-delay 0".to_owned());
        }
        for (directive, value) in &self.directives {
            lines.push(format!("{directive} {value}"));
        }
        lines.join("\n") + "\n"
    }
}

/// The library that moves a program's clock, where it is installed.
pub(crate) fn faketime() -> Option<PathBuf> {
    let folders = [
        "/usr/lib/x86_64-linux-gnu/faketime",
        "/usr/lib/aarch64-linux-gnu/faketime",
        "/usr/lib64/faketime",
        "/usr/lib/faketime",
        "/usr/local/lib/faketime",
    ];
    // Redis has threads, of which the one without `MT` in its name knows nothing.
    let files = folders.map(|folder| PathBuf::from(folder).join("libfaketimeMT.so.1"));
    files.into_iter().find(|file| file.is_file())
}
