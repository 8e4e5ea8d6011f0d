//! What commands reach a server, by its own `MONITOR`.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::{Client, Reply};

/// A command that a server ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When, in seconds of the server's clock.
    pub at: String,
    /// Who sent it: the address of a client.
    pub client: String,
    /// The command and its arguments, each in quotes, as `MONITOR` writes them.
    pub text: String,
}

impl Seen {
    /// The command's name in upper case.
    #[must_use]
    pub fn name(&self) -> String {
        let name = self.text.split('"').nth(1).unwrap_or_default();
        name.to_uppercase()
    }
}

/// Collects commands until it is dropped.
///
/// What a script runs inside is left out, since it is no round trip, and so is what comes over the unix
/// socket, which is the test's own way in.
#[derive(Debug)]
pub struct Monitor {
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: UnixStream,
    reader: Option<JoinHandle<()>>,
}

impl Monitor {
    pub(crate) fn start(mut client: Client) -> io::Result<Self> {
        if let Reply::Error(error) = client.command(&["MONITOR"])? {
            return Err(io::Error::other(error));
        }
        client.patient()?;
        let stop = client.stopper()?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let reader = {
            let seen = seen.clone();
            thread::spawn(move || {
                while let Ok(Reply::Text(line)) = client.reply() {
                    lock(&seen).extend(parsed(&line));
                }
            })
        };
        Ok(Self {
            seen,
            stop,
            reader: Some(reader),
        })
    }

    /// How many commands there were so far.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.seen).len()
    }

    /// What there was so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.seen).clone()
    }

    /// What there was so far, which is then forgotten.
    #[must_use]
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut lock(&self.seen))
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.stop.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn lock(seen: &Mutex<Vec<Seen>>) -> MutexGuard<'_, Vec<Seen>> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `1339518083.107412 [0 127.0.0.1:60866] "get" "key"`; within a script the client is `lua`.
fn parsed(line: &str) -> Option<Seen> {
    let (at, rest) = line.split_once(" [")?;
    let (client, text) = rest.split_once("] ")?;
    let (_database, client) = client.split_once(' ')?;
    if client == "lua" || client.starts_with("unix:") {
        return None;
    }
    Some(Seen {
        at: at.to_owned(),
        client: client.to_owned(),
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_command_is_seen_and_a_scripts_is_not() {
        let seen = parsed(r#"1339518083.1 [0 127.0.0.1:60866] "evalsha" "abc" "4""#).unwrap();
        assert_eq!(
            (seen.name().as_str(), seen.at.as_str()),
            ("EVALSHA", "1339518083.1")
        );
        assert_eq!(seen.client, "127.0.0.1:60866");
        assert_eq!(parsed(r#"1339518083.1 [0 lua] "get" "k""#), None);
        assert_eq!(parsed(r#"1339518083.1 [0 unix:/run/s] "ping""#), None);
    }
}
