//! Answers kept in Redis: asked for by whoever needs one, told behind the calls that brought them.
//!
//! Nobody waits for longer than a command's limit, nor for a connection. What is told of one key is told at
//! most ten times a second, the latest last.

mod lease;
mod write;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::Value;
use steadfast_options::Name;
use tokio::sync::Semaphore;

use super::courier::Courier;
use super::encode::{Args, digest, micros, nanos_of_micros, number, short};
use super::link::{DEADLINE, Link, LinkError};
use super::scripts::{self, Script};
use crate::breaker::Nanos;
pub(crate) use lease::FleetLease;
pub(crate) use write::{LARGEST, Write};

/// What stands before an answer, so that another version of this crate knows whether it can read it: data
/// is JSON.
pub(crate) const FORMAT: &str = "1";
/// After an answer that came too late, nothing is asked for so long: else each call would wait for it.
const QUIET: Duration = Duration::from_secs(1);
/// Answers that are made JSON at the same time.
const ENCODERS: usize = 2;

/// Answers of all calls, over a connection of their own.
pub(crate) struct AnswerStore {
    link: Link,
    courier: Arc<Courier>,
    prefix: String,
    /// This process among the instances.
    instance: String,
    leases: AtomicU64,
    quiet_until: Mutex<Option<Instant>>,
    /// Keys that are being told, each with what came meanwhile.
    writes: Mutex<HashMap<Box<str>, Option<Write>>>,
    encoders: Semaphore,
}

/// What Redis has under a key.
pub(crate) struct Reply {
    pub(crate) kept: Option<Kept>,
    /// Who makes the call that brings the next; none where no lease was wanted, or none is needed.
    pub(crate) holder: Option<Holder>,
}

/// An answer as it is kept.
pub(crate) struct Kept {
    pub(crate) format: String,
    /// By the server's clock, when it was asked.
    pub(crate) age: Nanos,
    pub(crate) data: Vec<u8>,
}

/// Who makes the call.
pub(crate) enum Holder {
    Us(FleetLease),
    /// Another instance, under this token.
    Another(String),
}

/// Why an answer was not told, or none was given.
pub(crate) enum Failure {
    /// Redis is away, which is told elsewhere.
    Away,
    /// It is about this one answer.
    This(String),
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Refused { .. } => Self::This(error.to_string()),
            _ => Self::Away,
        }
    }
}

impl AnswerStore {
    pub(super) fn new(link: &Link, prefix: &str, instance: &str) -> Arc<Self> {
        Arc::new(Self {
            courier: Courier::new(link.clone(), "", DEADLINE),
            link: link.clone(),
            prefix: prefix.to_owned(),
            instance: instance.to_owned(),
            leases: AtomicU64::new(0),
            quiet_until: Mutex::default(),
            writes: Mutex::default(),
            encoders: Semaphore::new(ENCODERS),
        })
    }

    /// The name of an answer. Neither a call's name nor a key holds a `}`.
    pub(crate) fn key(&self, kind: &str, call: Name, of_type: &str, key: &str) -> Box<str> {
        let (of_type, key) = (digest(of_type, 4), short(key));
        format!("{{{}:{kind}:{call}:{of_type}:{key}}}", self.prefix).into()
    }

    /// Asks for an answer, and where it is not `fresh` for the lease of the call that brings the next.
    ///
    /// # Cancel safety
    ///
    /// A lease that nobody waits for any more is given back.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        key: &str,
        fresh: Option<Nanos>,
    ) -> Result<Reply, Failure> {
        self.reachable()?;
        let asked = self.link.spawn(self.clone().asked(key.into(), fresh));
        Ok(asked.await.unwrap_or(Err(LinkError::Down))?)
    }

    /// As [`ask`](Self::ask), for a sync function, which parks.
    pub(crate) fn ask_blocking(
        self: &Arc<Self>,
        key: &str,
        fresh: Option<Nanos>,
    ) -> Result<Reply, Failure> {
        self.reachable()?;
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let asked = self.clone().asked(key.into(), fresh);
        drop(self.link.spawn(async move {
            let _ = answer.send(asked.await); // its caller parks until then
        }));
        Ok(answered.recv().unwrap_or(Err(LinkError::Down))?)
    }

    /// Lets time pass, whatever the clock of the caller's runtime.
    pub(crate) async fn pause(&self, time: Duration) {
        let _ = self.link.spawn(tokio::time::sleep(time)).await; // at the end of the link, none
    }

    async fn asked(
        self: Arc<Self>,
        key: Box<str>,
        fresh: Option<Nanos>,
    ) -> Result<Reply, LinkError> {
        let token = fresh.map(|_| self.token());
        let args = Args::default()
            .add(micros(fresh.unwrap_or(0)))
            .add(token.as_deref().unwrap_or_default())
            .add(lease::LENGTH.as_millis());
        let reply = self.script(&scripts::ANSWER_ASK, keys(&key), args).await?;
        let (kept, holder) = read(reply).ok_or_else(|| LinkError::Refused {
            code: "ERR".into(),
            message: "an answer in no known form".into(),
        })?;
        let holder = match (holder, token) {
            (holder, Some(token)) if holder == token => {
                Some(Holder::Us(FleetLease::begin(&self, key, token)))
            }
            (holder, _) if holder.is_empty() => None,
            (holder, _) => Some(Holder::Another(holder)),
        };
        Ok(Reply { kept, holder })
    }

    fn token(&self) -> String {
        let number = self.leases.fetch_add(1, Ordering::Relaxed);
        format!("{}:{number}", self.instance)
    }

    fn reachable(&self) -> Result<(), Failure> {
        if !self.link.is_up() {
            return Err(Failure::Away);
        }
        match *self.quiet_until() {
            Some(until) if Instant::now() < until => Err(Failure::Away),
            _ => Ok(()),
        }
    }

    /// Runs a script, from the link's own runtime.
    async fn script(
        &self,
        script: &'static Script,
        keys: Vec<String>,
        args: Args,
    ) -> Result<Value, LinkError> {
        let args = args.done();
        let link = self.link.inner();
        let answer = if link.is_cluster() {
            link.script(script, &keys, &args).await // keys of all nodes
        } else {
            self.script_apart(script, &keys, &args).await
        };
        if answer == Err(LinkError::Timeout) {
            *self.quiet_until() = Some(Instant::now() + QUIET);
        }
        answer
    }

    async fn script_apart(
        &self,
        script: &Script,
        keys: &[String],
        args: &[Vec<u8>],
    ) -> Result<Value, LinkError> {
        let began = Instant::now();
        let left = || DEADLINE.saturating_sub(began.elapsed());
        let made = self.courier.connection_within(left()).await?;
        let by_hash = script.by_hash(keys, args);
        match self.courier.query(made.clone(), &by_hash, left()).await {
            Err(LinkError::Refused { code, .. }) if code == "NOSCRIPT" => {
                let by_text = script.by_text(keys, args);
                self.courier.query(made, &by_text, left()).await
            }
            answer => answer,
        }
    }

    fn quiet_until(&self) -> MutexGuard<'_, Option<Instant>> {
        let until = self.quiet_until.lock();
        until.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The answer, and the lease of who fetches the next: of one slot of a cluster.
fn keys(key: &str) -> Vec<String> {
    vec![key.to_owned(), lease::key(key)]
}

fn read(reply: Value) -> Option<(Option<Kept>, String)> {
    let Value::Array(fields) = reply else {
        return None;
    };
    let [format, age, data, holder] = <[Value; 4]>::try_from(fields).ok()?;
    let text = |value| match value {
        Value::BulkString(text) => String::from_utf8(text).ok(),
        _ => None,
    };
    let (format, holder) = (text(format)?, text(holder)?);
    let Value::BulkString(data) = data else {
        return None;
    };
    let age = nanos_of_micros(number(&age)?);
    let kept = Kept { format, age, data };
    Some(((!kept.format.is_empty()).then_some(kept), holder))
}
