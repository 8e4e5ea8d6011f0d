//! Work that is done later: queues on Redis Streams (feature `redis`).
//!
//! ```text
//! mod      Outbox: push, dead letters, depth
//! worker   hands entries to a handler, settles what came of them
//! fate     what becomes of an entry whose handler failed: pure
//! queue    one queue's keys, commands and counts
//! entry    an entry as Redis keeps it
//! spool    the disk, while Redis is out
//! flights  entries that are being handled
//! settle   telling Redis what came of them
//! inside   what a handler runs in
//! enqueue  the fallback that keeps the work
//! ```

mod enqueue;
mod entry;
mod error;
mod fate;
mod flights;
pub(crate) mod inside;
mod queue;
mod settle;
mod spool;
mod worker;

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use steadfast_options::Name;

pub use enqueue::{Queueable, enqueue, enqueue_blocking, queueable};
use entry::Entry;
pub use error::OutboxError;
pub(crate) use queue::Queue;
pub use queue::{Depth, QueueCounts};
use spool::Spool;
pub use worker::Worker;

use crate::current::current;
use crate::registry::Registry;

/// What a handler comes to.
type Handled = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// A queue of work that is done at least once (feature `redis`).
///
/// Entries are kept in a Redis Stream until a worker has done them, in whatever process; they are JSON.
/// A push is answered once Redis has the entry: with `appendonly yes` and `appendfsync always` it is on
/// Redis's disk then. With `appendfsync everysec` a crash of the machine can lose the last second, and a
/// failover to a replica what had not reached it; `WAIT` and `min-replicas-to-write` narrow that, and do
/// not close it.
///
/// *At least once*: an entry is done again where a worker crashes after its handler and before Redis has
/// heard of it, and pushed twice where the answer to a push was lost and the caller tries again. The
/// handler sees the same [`idempotency_key`](crate::Current::idempotency_key) each time.
///
/// ```no_run
/// use steadfast::outbox::Outbox;
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Payment { order: u64 }
/// # async fn charge(payment: &Payment) -> std::io::Result<()> { Ok(()) }
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// steadfast::setup().redis("redis://127.0.0.1/").start().await?;
/// let payments = Outbox::<Payment>::open("payment-retries").await?;
/// payments.push(&Payment { order: 7 }).await?;
/// // In this process or in another:
/// payments.worker(|payment| async move { charge(&payment).await }).await?;
/// # Ok(())
/// # }
/// ```
pub struct Outbox<T> {
    queue: Arc<Queue>,
    spool: Option<Arc<Spool>>,
    of: PhantomData<fn(&T) -> T>,
}

impl<T> Clone for Outbox<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
            spool: self.spool.clone(),
            of: PhantomData,
        }
    }
}

impl<T> std::fmt::Debug for Outbox<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox")
            .field("name", &self.queue.name)
            .field("counts", &self.queue.counts())
            .finish_non_exhaustive()
    }
}

/// A dead letter's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter(String);

/// A dead letter as it is kept.
struct Dead {
    letter: DeadLetter,
    class: String,
    error: String,
    entry: Entry,
}

/// An entry that was given up, from [`Outbox::dead`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Buried<T> {
    /// Its place, for [`replay`](Outbox::replay) and [`discard`](Outbox::discard).
    pub letter: DeadLetter,
    /// Its id, as its push gave it.
    pub id: String,
    /// The work; where it can't be read as a `T` any more, why not.
    pub work: Result<T, String>,
    /// Attempts that counted.
    pub attempts: u32,
    /// The class of the last error, as [`Class`](crate::Class) shows it.
    pub class: String,
    /// The last error's text.
    pub error: String,
}

impl<T: Serialize + DeserializeOwned> Outbox<T> {
    /// The queue of this name, in the Redis that the setup of the current registry names.
    ///
    /// Redis need not be there yet: whoever pushes meanwhile gets an error, or the entry is
    /// [spooled](Self::spool).
    ///
    /// # Errors
    ///
    /// Where no Redis is configured, or `name` is no name.
    #[allow(clippy::unused_async)] // what it may have to ask one day
    pub async fn open(name: &str) -> Result<Self, OutboxError> {
        let queue = named(name)?;
        Ok(Self {
            queue,
            spool: None,
            of: PhantomData,
        })
    }

    /// Keeps entries in files in this folder while Redis is out, and moves them when it is back. An entry
    /// is on the disk when its push is answered. Processes may share a folder: each has a file, and those
    /// of processes that are gone are taken over by the next one that starts.
    ///
    /// # Errors
    ///
    /// Where the folder can't be made or written to.
    pub fn spool(mut self, folder: impl AsRef<Path>) -> Result<Self, OutboxError> {
        let opened = self.queue.spool(folder.as_ref());
        let spool = opened.map_err(|error| OutboxError::Spool {
            queue: self.queue.name,
            error,
        })?;
        self.spool = Some(spool);
        Ok(self)
    }

    /// Puts work in the queue; gives the entry's id once Redis has it, or the spool.
    ///
    /// # Errors
    ///
    /// Where Redis is out and there is no spool, or where the entry is larger than 1 MiB as JSON. A
    /// push whose answer is lost ends in an error too, and its entry may be in the queue all the same.
    ///
    /// # Cancel safety
    ///
    /// Whoever drops it may still have the entry pushed.
    pub async fn push(&self, work: &T) -> Result<String, OutboxError> {
        let data = serde_json::to_string(work).map_err(|error| OutboxError::Unwritable {
            queue: self.queue.name,
            error: error.to_string(),
        })?;
        let entry = Entry {
            id: fresh_id(),
            key: current().idempotency_key().to_string(),
            call: String::new(),
            attempts: 0,
            data,
        };
        self.queue.push(entry, self.spool.as_deref()).await
    }

    /// A worker, which hands each entry to `handler` until it is dropped. It is a builder: await it.
    ///
    /// The handler is most often an annotated function. While its breaker is open the worker waits; a
    /// refusal by a limit or a bulkhead counts as no attempt. An error of class `Transient`, `Timeout`
    /// or `Ignored` is tried again after a growing pause, `RateLimited` after a longer one; `Permanent`
    /// and `Expected` will not change, and go to the dead letters at once, as does what has failed
    /// [`max_attempts`](Worker::max_attempts) times. The class is that of the error's chain: types of
    /// your own are known by [`classify::register`](crate::classify::register), or by
    /// [`classify`](Worker::classify).
    ///
    /// A refusal of ours is found in that chain too, whatever the class. Where the error hides it, as an
    /// `#[error(transparent)]` around a [`Rejection`](crate::Rejection) does, the worker knows it from the call
    /// all the same; an error that says a class other than `Transient` then has the last word.
    ///
    /// Within it a `fallback(kind = "queue")` is off, and the first annotated call that asks for its
    /// idempotency key gets that of the call which queued the work.
    pub fn worker<H, F, E>(&self, handler: H) -> Worker<T, H>
    where
        H: Fn(T) -> F,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        Worker::new(self.queue.clone(), handler)
    }

    /// The oldest dead letters, at most so many.
    ///
    /// # Errors
    ///
    /// Where Redis is out.
    pub async fn dead(&self, most: usize) -> Result<Vec<Buried<T>>, OutboxError> {
        let dead = self.asked(self.queue.dead(most).await)?;
        let buried = |dead: Dead| Buried {
            letter: dead.letter,
            work: serde_json::from_str(&dead.entry.data).map_err(|error| error.to_string()),
            id: dead.entry.id,
            attempts: dead.entry.attempts,
            class: dead.class,
            error: dead.error,
        };
        Ok(dead.into_iter().map(buried).collect())
    }

    /// Puts a dead letter back in the queue, its attempts forgotten; says whether it was still there.
    ///
    /// # Errors
    ///
    /// Where Redis is out.
    pub async fn replay(&self, letter: &DeadLetter) -> Result<bool, OutboxError> {
        self.asked(self.queue.replay(letter).await)
    }

    /// Forgets a dead letter; says whether it was still there.
    ///
    /// # Errors
    ///
    /// Where Redis is out.
    pub async fn discard(&self, letter: &DeadLetter) -> Result<bool, OutboxError> {
        self.asked(self.queue.discard(letter).await)
    }

    /// How much is in the queue.
    ///
    /// # Errors
    ///
    /// Where Redis is out.
    pub async fn depth(&self) -> Result<Depth, OutboxError> {
        self.asked(self.queue.depth().await)
    }

    /// What this process has done with it.
    #[must_use]
    pub fn counts(&self) -> QueueCounts {
        self.queue.counts()
    }

    fn asked<R>(
        &self,
        answer: Result<R, crate::shared::link::LinkError>,
    ) -> Result<R, OutboxError> {
        answer.map_err(|error| OutboxError::unavailable(self.queue.name, &error))
    }
}

/// The queue of this name in the current registry.
fn named(name: &str) -> Result<Arc<Queue>, OutboxError> {
    let checked = Name::new(name).map_err(OutboxError::BadName)?;
    let queue = Registry::current().queue(checked);
    queue.ok_or_else(|| OutboxError::NoRedis { queue: name.into() })
}

/// An id that no other entry has.
fn fresh_id() -> String {
    format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..))
}
