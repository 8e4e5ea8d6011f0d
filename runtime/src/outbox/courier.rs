//! What queues send to Redis: over a connection of their own, since their entries may be large and each
//! may have to reach a disk before it is answered.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{Cmd, Value};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::shared::link::{Link, LinkError};
use crate::shared::scripts::Script;

/// How long an answer may take: a disk is in it.
const ANSWER: Duration = Duration::from_secs(1);

/// One connection, made anew where it broke, and where the link's was: a server that has gone and come back
/// meanwhile knows nothing of this one, and nobody may have asked over it since.
pub(super) struct Courier {
    link: Link,
    connection: Mutex<Option<Made>>,
}

#[derive(Clone)]
struct Made {
    connection: MultiplexedConnection,
    /// The number of the link's connection at that time.
    beside: u64,
}

impl Courier {
    pub(super) fn new(link: Link) -> Arc<Self> {
        Arc::new(Self {
            link,
            connection: Mutex::new(None),
        })
    }

    /// Asks Redis, from any runtime. A command may have been carried out whatever the error, but for
    /// `Down`.
    pub(super) async fn run(self: &Arc<Self>, command: Cmd) -> Result<Value, LinkError> {
        self.within(command, ANSWER).await
    }

    /// Asks with another limit, for a command that blocks.
    pub(super) async fn within(
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

    pub(super) async fn script(
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
    pub(super) fn run_blocking(self: &Arc<Self>, command: Cmd) -> Result<Value, LinkError> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        let own = self.clone();
        drop(self.link.spawn(async move {
            // Nobody listens where the caller has given up.
            let _ = answer.send(own.ask(&command, ANSWER).await);
        }));
        answered.recv().unwrap_or(Err(LinkError::Down))
    }

    /// Runs a task where this courier's commands run.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        drop(self.link.spawn(task));
    }

    pub(super) fn is_up(&self) -> bool {
        self.link.is_up()
    }

    async fn ask(&self, command: &Cmd, limit: Duration) -> Result<Value, LinkError> {
        let mut made = self.connection().await?;
        let answer = match timeout(limit, command.query_async(&mut made.connection)).await {
            Ok(Ok(value)) => return Ok(value),
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

    async fn connection(&self) -> Result<Made, LinkError> {
        let mut connection = self.connection.lock().await;
        let beside = self.link.number();
        if let Some(known) = &*connection
            && beside.is_none_or(|beside| beside == known.beside)
        {
            return Ok(known.clone());
        }
        let beside = beside.ok_or(LinkError::Down)?;
        let made = Made {
            connection: self.link.connection_apart().await?,
            beside,
        };
        *connection = Some(made.clone());
        Ok(made)
    }
}
