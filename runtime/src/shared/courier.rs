//! What queues and kept answers send to Redis: over connections of their own, since what they send may be
//! large, and that of a queue may have to reach a disk before it is answered.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::link::{Link, LinkError};
use super::scripts::Script;

/// One connection, made anew where it broke, and where the link's was: a server that has gone and come back
/// meanwhile knows nothing of this one, and nobody may have asked over it since.
pub(crate) struct Courier {
    link: Link,
    /// A key of what it is for: where that is, in a cluster.
    key: Arc<str>,
    /// How long an answer may take.
    limit: Duration,
    connection: Mutex<Option<Made>>,
}

/// A connection that serves.
#[derive(Clone)]
pub(super) struct Made {
    connection: MultiplexedConnection,
    /// The number of the link's connection at that time.
    beside: u64,
}

impl Courier {
    pub(crate) fn new(link: Link, key: &str, limit: Duration) -> Arc<Self> {
        Arc::new(Self {
            link,
            key: key.into(),
            limit,
            connection: Mutex::new(None),
        })
    }

    /// Asks Redis, from any runtime. A command may have been carried out whatever the error, but for
    /// `Down`.
    pub(crate) async fn run(self: &Arc<Self>, command: Cmd) -> Result<Value, LinkError> {
        self.within(command, self.limit).await
    }

    /// Asks with another limit, for a command that blocks.
    pub(crate) async fn within(
        self: &Arc<Self>,
        command: Cmd,
        limit: Duration,
    ) -> Result<Value, LinkError> {
        let own = self.clone();
        let asked = self
            .link
            .spawn(async move { own.ask(&command, limit).await });
        asked.await.unwrap_or(Err(LinkError::Down))
    }

    pub(crate) async fn script(
        self: &Arc<Self>,
        script: &'static Script,
        keys: Vec<String>,
        args: Vec<Vec<u8>>,
    ) -> Result<Value, LinkError> {
        match self.run(script.by_hash(&keys, &args)).await {
            Err(LinkError::Refused { code, .. }) if code == "NOSCRIPT" => {
                self.run(script.by_text(&keys, &args)).await
            }
            answer => answer,
        }
    }

    /// As [`run`](Self::run), for a sync function, which parks.
    pub(crate) fn run_blocking(self: &Arc<Self>, command: Cmd) -> Result<Value, LinkError> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let own = self.clone();
        drop(self.link.spawn(async move {
            // Nobody listens where the caller has given up.
            let _ = answer.send(own.ask(&command, own.limit).await);
        }));
        answered.recv().unwrap_or(Err(LinkError::Down))
    }

    /// Runs a task where this courier's commands run.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.link.spawn(task));
    }

    pub(crate) fn is_up(&self) -> bool {
        self.link.is_up()
    }

    async fn ask(self: &Arc<Self>, command: &Cmd, limit: Duration) -> Result<Value, LinkError> {
        let made = self.connection_within(limit).await?;
        match self.query(made, command, limit).await {
            Err(LinkError::Down) => {
                let made = self.connection_within(limit).await?;
                self.query(made, command, limit).await
            }
            answer => answer,
        }
    }

    /// Asks over a connection, from the link's own runtime. `Down` where the slot is another node's now:
    /// the command was not carried out, and the next connection is made to that one.
    pub(super) async fn query(
        &self,
        mut made: Made,
        command: &Cmd,
        limit: Duration,
    ) -> Result<Value, LinkError> {
        let answer = match timeout(limit, command.query_async(&mut made.connection)).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) if error.redirect_node().is_some() => LinkError::Down,
            Ok(Err(error)) => LinkError::of(&error),
            Err(_) => LinkError::Timeout,
        };
        if !matches!(answer, LinkError::Refused { .. }) {
            let mut connection = self.connection.lock().await;
            // Another one may be in its place already.
            connection.take_if(|now| now.beside == made.beside);
        }
        Err(answer)
    }

    /// Nobody waits for longer: a connection that is not made by then is made for who asks next.
    pub(super) async fn connection_within(
        self: &Arc<Self>,
        limit: Duration,
    ) -> Result<Made, LinkError> {
        if let Ok(connection) = self.connection.try_lock()
            && let Some(known) = self.known(connection.as_ref())
        {
            return Ok(known);
        }
        let own = self.clone();
        let made = tokio::spawn(async move { own.connection().await });
        match timeout(limit, made).await {
            Ok(made) => made.unwrap_or(Err(LinkError::Down)),
            Err(_) => Err(LinkError::Down),
        }
    }

    /// The connection there is, unless the link's was made anew since.
    fn known(&self, connection: Option<&Made>) -> Option<Made> {
        let (known, beside) = (connection?, self.link.number());
        beside
            .is_none_or(|beside| beside == known.beside)
            .then(|| known.clone())
    }

    async fn connection(&self) -> Result<Made, LinkError> {
        let mut connection = self.connection.lock().await;
        if let Some(known) = self.known(connection.as_ref()) {
            return Ok(known);
        }
        let beside = self.link.number().ok_or(LinkError::Down)?;
        let made = Made {
            connection: self.link.connection_apart(self.key.clone()).await?,
            beside,
        };
        *connection = Some(made.clone());
        Ok(made)
    }
}
