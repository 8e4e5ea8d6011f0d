//! A small client of our own, so that a test's view of a server does not hang on the library it tests.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longer than anything that answers, so that a test of a stopped server ends.
const PATIENCE: Duration = Duration::from_secs(10);

/// What Redis answers (RESP2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Nothing is there.
    Nil,
    /// A number.
    Int(i64),
    /// A text, or bytes that are one.
    Text(String),
    /// An error, its code first.
    Error(String),
    /// Several answers.
    Array(Vec<Reply>),
}

impl Reply {
    /// The text, of a text or a number; empty for anything else.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(number) => number.to_string(),
            _ => String::new(),
        }
    }

    /// The number, of a number or of a text that is one.
    #[must_use]
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Text(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The answers in an array; none for anything else.
    #[must_use]
    pub fn items(&self) -> &[Reply] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// The text of an error.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Error(text) => Some(text),
            _ => None,
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => write!(f, "(nil)"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text}"),
            Self::Error(text) => write!(f, "(error) {text}"),
            Self::Array(items) => f.debug_list().entries(items).finish(),
        }
    }
}

/// A connection over a server's unix socket, which no fault between us and its port reaches.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects, and says the password where there is one.
    ///
    /// # Errors
    ///
    /// Where nobody listens, or the password is wrong.
    pub fn connect(socket: &Path, password: Option<&str>) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let mut client = Self {
            stream: BufReader::new(stream),
        };
        if let Some(password) = password
            && let Reply::Error(error) = client.command(&["AUTH", password])?
        {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, error));
        }
        Ok(client)
    }

    /// Sends a command and reads its answer.
    ///
    /// # Errors
    ///
    /// Where the connection fails, or no answer comes in 10 s.
    pub fn command(&mut self, words: &[&str]) -> io::Result<Reply> {
        self.send(words)?;
        self.reply()
    }

    pub(crate) fn send(&mut self, words: &[&str]) -> io::Result<()> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            write!(bytes, "${}\r\n{word}\r\n", word.len())?;
        }
        self.stream.get_mut().write_all(&bytes)
    }

    /// The next answer, or the next message of a channel that was subscribed to.
    ///
    /// # Errors
    ///
    /// As [`command`](Self::command).
    pub fn reply(&mut self) -> io::Result<Reply> {
        let line = self.line()?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(garbled)?;
        match kind {
            "+" => Ok(Reply::Text(rest.to_owned())),
            "-" => Ok(Reply::Error(rest.to_owned())),
            ":" => Ok(Reply::Int(number(rest)?)),
            "$" => self.bulk(number(rest)?),
            "*" => {
                let Ok(count) = usize::try_from(number(rest)?) else {
                    return Ok(Reply::Nil);
                };
                let items = (0..count).map(|_| self.reply());
                Ok(Reply::Array(items.collect::<io::Result<_>>()?))
            }
            _ => Err(garbled()),
        }
    }

    fn bulk(&mut self, length: i64) -> io::Result<Reply> {
        let Ok(length) = usize::try_from(length) else {
            return Ok(Reply::Nil);
        };
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes)?;
        bytes.truncate(length);
        Ok(Reply::Text(String::from_utf8_lossy(&bytes).into_owned()))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end_matches(['\r', '\n']).len());
        Ok(line)
    }

    /// Something that ends the connection under whoever reads from it.
    pub(crate) fn stopper(&self) -> io::Result<UnixStream> {
        self.stream.get_ref().try_clone()
    }

    /// How late an answer may be from now on: 10 s unless told.
    ///
    /// # Errors
    ///
    /// Where the time is zero.
    pub fn wait_at_most(&self, time: Duration) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(Some(time))
    }

    /// From now on an answer may be as late as it likes.
    pub(crate) fn patient(&self) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(None)
    }
}

fn number(text: &str) -> io::Result<i64> {
    text.parse().map_err(|_| garbled())
}

fn garbled() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not what a Redis answers")
}
