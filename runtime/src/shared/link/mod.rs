//! The link to Redis: one connection, on a thread and a runtime of its own.
//!
//! A connection belongs to the runtime that made it, and dies with it; a test's, or a server's that is
//! shut down part by part. So the link has its own, which any runtime and any sync function reaches.
//!
//! Whoever asks waits 100 ms at most, and never for a reconnect: where the connection is broken the
//! answer is [`LinkError::Down`] at once, while a task behind the scenes makes a new one. Nothing is
//! tried twice here, since only the caller knows whether that is harmless.

mod connection;
mod fault;
mod keeper;
mod owner;
mod reconnect;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{Cmd, PushInfo, Value};
use tokio::runtime::Handle;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

use super::scripts::Script;
use super::server::Server;
use connection::{Connection, Line};
pub(crate) use fault::LinkError;

/// How long an answer may take.
pub(crate) const DEADLINE: Duration = Duration::from_millis(100);
/// How long a new connection may take.
pub(crate) const CONNECT: Duration = Duration::from_millis(250);
/// Answers in a row that came too late, until the connection is given up.
const TIMEOUTS: u32 = 2;

/// What the connection is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LinkState {
    /// It has not been there yet.
    Starting,
    /// It serves; each connection has a number of its own.
    Up(u64),
    Down(LinkError),
}

/// What is done on each new connection before it serves. It must write, so that a server that only
/// reads, or is full, does not count as one that is there.
pub(crate) trait Greet: Send + Sync + 'static {
    fn greet(&self, line: &Greeter) -> impl Future<Output = Result<(), LinkError>> + Send;
}

/// A connection that does not serve yet.
pub(crate) struct Greeter {
    link: LinkRef,
    line: Line,
}

impl Greeter {
    pub(crate) async fn run(&self, command: &Cmd) -> Result<Value, LinkError> {
        self.link.run_on(&self.line, command).await
    }

    pub(crate) async fn script(
        &self,
        script: &Script,
        keys: &[String],
        args: &[Vec<u8>],
    ) -> Result<Value, LinkError> {
        self.link.script_on(&self.line, script, keys, args).await
    }
}

/// The link. A clone is the same; with the last one it ends.
#[derive(Clone)]
pub(crate) struct Link(Arc<Owner>);

/// Ends the link when it is dropped.
struct Owner(LinkRef);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.0.stop.notify_one();
    }
}

/// The link as its own tasks hold it: they do not keep it from ending.
#[derive(Clone)]
pub(crate) struct LinkRef(Arc<Inner>);

struct Inner {
    server: Server,
    handle: Handle,
    line: Mutex<Option<Line>>,
    state: watch::Sender<LinkState>,
    /// The connection is given up.
    broken: Notify,
    stop: Notify,
    pushes: mpsc::UnboundedSender<PushInfo>,
    channels: Mutex<Vec<String>>,
    /// How many instances the fleet has: the more there are, the slower each comes back.
    fleet: AtomicU32,
}

impl Link {
    /// Starts the thread, which connects. Pushes go to the receiver.
    ///
    /// # Errors
    ///
    /// The operating system gave no thread, or no runtime.
    pub(crate) fn start(
        server: Server,
        greet: impl Greet,
    ) -> std::io::Result<(Self, mpsc::UnboundedReceiver<PushInfo>)> {
        let (made, inner) = std::sync::mpsc::channel();
        let (pushes, receiver) = mpsc::unbounded_channel();
        let run = move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(made.send(Err(error))),
            };
            let link = LinkRef(Arc::new(Inner {
                server,
                handle: runtime.handle().clone(),
                line: Mutex::default(),
                state: watch::Sender::new(LinkState::Starting),
                broken: Notify::new(),
                stop: Notify::new(),
                pushes,
                channels: Mutex::default(),
                fleet: AtomicU32::new(1),
            }));
            if made.send(Ok(link.clone())).is_ok() {
                runtime.block_on(keeper::keep(link, greet));
            }
        };
        std::thread::Builder::new()
            .name("steadfast-redis".into())
            .spawn(run)?;
        let link = inner
            .recv()
            .map_err(|_| std::io::Error::other("the thread of the link ended"))??;
        Ok((Self(Arc::new(Owner(link))), receiver))
    }

    /// The link for tasks that run on it.
    pub(crate) fn inner(&self) -> &LinkRef {
        &self.0.0
    }

    /// Where Redis is, without what is secret.
    pub(crate) fn server(&self) -> &str {
        &self.inner().0.server.shown
    }

    /// Runs a task on the link's own runtime.
    pub(crate) fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.inner().0.handle.spawn(task)
    }

    /// Whether the connection serves.
    pub(crate) fn is_up(&self) -> bool {
        self.inner().is_up()
    }

    /// The number of the connection that serves.
    pub(crate) fn number(&self) -> Option<u64> {
        self.inner().line().as_ref().map(|line| line.number)
    }

    /// What the connection does, now and from now on.
    pub(crate) fn state(&self) -> watch::Receiver<LinkState> {
        self.inner().state()
    }

    /// Asks Redis, from any runtime.
    ///
    /// # Errors
    ///
    /// As [`LinkError`] says. Whether the command was carried out is known only of `Down` and `Refused`:
    /// it was not.
    ///
    /// # Cancel safety
    ///
    /// Whoever does not wait for the answer any more may still have had the command carried out.
    pub(crate) async fn run(&self, command: Cmd) -> Result<Value, LinkError> {
        if !self.is_up() {
            return Err(LinkError::Down);
        }
        let link = self.inner().clone();
        let asked = self.spawn(async move { link.run(&command).await });
        asked.await.unwrap_or(Err(LinkError::Down))
    }

    /// Runs a script, from any runtime; otherwise as [`run`](Self::run).
    pub(crate) async fn script(
        &self,
        script: &'static Script,
        keys: Vec<String>,
        args: Vec<Vec<u8>>,
    ) -> Result<Value, LinkError> {
        if !self.is_up() {
            return Err(LinkError::Down);
        }
        let link = self.inner().clone();
        let asked = self.spawn(async move { link.script(script, &keys, &args).await });
        asked.await.unwrap_or(Err(LinkError::Down))
    }

    /// Runs a script for a sync function, which parks.
    pub(crate) fn script_blocking(
        &self,
        script: &'static Script,
        keys: Vec<String>,
        args: Vec<Vec<u8>>,
    ) -> Result<Value, LinkError> {
        if !self.is_up() {
            return Err(LinkError::Down);
        }
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let link = self.inner().clone();
        drop(self.spawn(async move {
            // Nobody listens where the caller has given up.
            let _ = answer.send(link.script(script, &keys, &args).await);
        }));
        answered.recv().unwrap_or(Err(LinkError::Down))
    }

    /// A connection apart, for commands that block: the one that all share must never wait. In a cluster
    /// it is one to the node that has `key`.
    pub(crate) async fn connection_apart(
        &self,
        key: Arc<str>,
    ) -> Result<redis::aio::MultiplexedConnection, LinkError> {
        let link = self.inner().clone();
        let made = self.spawn(async move { connection::apart(&link.0.server, &key).await });
        made.await.unwrap_or(Err(LinkError::Down))
    }
}

impl LinkRef {
    fn line(&self) -> MutexGuard<'_, Option<Line>> {
        self.0.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn channels(&self) -> MutexGuard<'_, Vec<String>> {
        self.0
            .channels
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.line().is_some()
    }

    /// Where Redis is, without what is secret.
    pub(crate) fn server(&self) -> &str {
        &self.0.server.shown
    }

    /// Runs a task on the link's own runtime; once that has ended, nothing.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.0.handle.spawn(task));
    }

    /// Runs a command for `key` on a connection made for it alone, so that nothing stale answers.
    pub(crate) async fn run_apart(&self, key: &str, command: &Cmd) -> Result<Value, LinkError> {
        let answered = async {
            let mut connection = connection::apart(&self.0.server, key).await?;
            let answer = command.query_async(&mut connection).await;
            answer.map_err(|error| LinkError::of(&error))
        };
        let answered = timeout(CONNECT + DEADLINE, answered).await;
        answered.unwrap_or(Err(LinkError::Timeout))
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.0.server.is_cluster()
    }

    pub(crate) fn state(&self) -> watch::Receiver<LinkState> {
        self.0.state.subscribe()
    }

    /// How many instances there are, so that their coming back is spread.
    pub(crate) fn set_fleet(&self, instances: u32) {
        self.0.fleet.store(instances.max(1), Ordering::Relaxed);
    }

    pub(crate) fn fleet(&self) -> u32 {
        self.0.fleet.load(Ordering::Relaxed)
    }

    /// Asks Redis, from the link's own runtime.
    pub(crate) async fn run(&self, command: &Cmd) -> Result<Value, LinkError> {
        let line = self.line().clone().ok_or(LinkError::Down)?;
        self.run_on(&line, command).await
    }

    /// Runs a script; where Redis has forgotten it, by its text, which makes Redis remember it.
    pub(crate) async fn script(
        &self,
        script: &Script,
        keys: &[String],
        args: &[Vec<u8>],
    ) -> Result<Value, LinkError> {
        let line = self.line().clone().ok_or(LinkError::Down)?;
        self.script_on(&line, script, keys, args).await
    }

    async fn script_on(
        &self,
        line: &Line,
        script: &Script,
        keys: &[String],
        args: &[Vec<u8>],
    ) -> Result<Value, LinkError> {
        match self.run_on(line, &script.by_hash(keys, args)).await {
            Err(LinkError::Refused { code, .. }) if code == "NOSCRIPT" => {
                self.run_on(line, &script.by_text(keys, args)).await
            }
            answer => answer,
        }
    }

    async fn run_on(&self, line: &Line, command: &Cmd) -> Result<Value, LinkError> {
        let mut connection = line.connection.clone();
        match timeout(DEADLINE, connection.query(command)).await {
            Ok(Ok(value)) => {
                line.timeouts.store(0, Ordering::Relaxed);
                Ok(value)
            }
            Ok(Err(error)) => {
                let error = LinkError::of(&error);
                if error.breaks_connection() {
                    self.give_up(line, error.clone());
                }
                Err(error)
            }
            Err(_) => {
                if line.timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= TIMEOUTS {
                    self.give_up(line, LinkError::Timeout);
                }
                Err(LinkError::Timeout)
            }
        }
    }

    /// Drops a connection, unless another one serves already.
    fn give_up(&self, line: &Line, why: LinkError) {
        let mut now = self.line();
        if now.as_ref().is_some_and(|now| now.number == line.number) {
            *now = None;
            drop(now);
            self.0.state.send_replace(LinkState::Down(why));
            self.0.broken.notify_one();
        }
    }

    /// Listens to a channel from now on, on this connection and each one after it.
    pub(crate) async fn subscribe(&self, channel: String) -> Result<(), LinkError> {
        {
            let mut channels = self.channels();
            if channels.contains(&channel) {
                return Ok(());
            }
            channels.push(channel.clone());
        }
        let line = self.line().clone();
        match line {
            Some(line) => self.subscribe_on(&line, &channel).await,
            None => Err(LinkError::Down), // the next connection will
        }
    }

    async fn subscribe_on(&self, line: &Line, channel: &str) -> Result<(), LinkError> {
        let mut connection: Connection = line.connection.clone();
        match timeout(CONNECT, connection.subscribe(channel)).await {
            Ok(subscribed) => subscribed.map_err(|error| LinkError::of(&error)),
            Err(_) => Err(LinkError::Timeout),
        }
    }
}
