//! One queue of a registry: its keys in Redis, its counts, its spool.

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use redis::{Cmd, Value, cmd};
use steadfast_options::Name;

use super::entry::{Delivery, Entry, delivered, deliveries, entries, text};
use super::error::OutboxError;
use super::spool::Spool;
use super::{Dead, DeadLetter};
use crate::cells::Counters;
use crate::shared::courier::Courier;
use crate::shared::link::{Link, LinkError};
use crate::shared::scripts::{
    QUEUE_BURY, QUEUE_DONE, QUEUE_LATER, QUEUE_PROMOTE, QUEUE_REPLAY, QUEUE_TIDY,
};
use crate::telemetry::{Event, report};

/// The consumer group that all workers of a queue belong to.
const GROUP: &str = "workers";
/// The largest entry, in bytes of JSON.
pub(super) const LARGEST: usize = 1 << 20;
/// How long an answer may take: a disk is in it.
const ANSWER: Duration = Duration::from_secs(1);

/// One queue.
pub(crate) struct Queue {
    pub(super) name: Name,
    /// Stream, delayed, packed, dead: of one slot of a cluster.
    keys: [String; 4],
    pub(super) courier: Arc<Courier>,
    counts: Counters<{ Count::ALL }>,
    spools: Mutex<Vec<Arc<Spool>>>,
    link: Link,
    largest: OnceLock<usize>,
}

/// What is counted of a queue.
#[derive(Clone, Copy)]
pub(super) enum Count {
    Queued,
    Spooled,
    Delivered,
    Retried,
    Dead,
    Claimed,
}

impl Count {
    const ALL: usize = 6;
}

/// What a queue did in this process, from [`Outbox::counts`](super::Outbox::counts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct QueueCounts {
    /// Entries that Redis took.
    pub queued: u64,
    /// Entries that the spool took, since Redis was out.
    pub spooled: u64,
    /// Entries that a worker here has done.
    pub delivered: u64,
    /// Attempts after which an entry was put off.
    pub retried: u64,
    /// Entries that a worker here has given up.
    pub dead: u64,
    /// Entries taken over from workers that crashed.
    pub claimed: u64,
}

/// What is in a queue, from [`Outbox::depth`](super::Outbox::depth).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct Depth {
    /// Entries that wait, and those that workers hold now.
    pub waiting: u64,
    /// Entries that wait for their next attempt.
    pub delayed: u64,
    /// Dead letters.
    pub dead: u64,
}

impl Queue {
    pub(crate) fn new(name: Name, prefix: &str, link: &Link) -> Arc<Self> {
        let tag = format!("{{{prefix}:q:{name}}}");
        let keys = ["s", "z", "h", "d"].map(|part| format!("{tag}:{part}"));
        Arc::new(Self {
            name,
            courier: Courier::new(link.clone(), &keys[0], ANSWER),
            keys,
            counts: Counters::new(),
            spools: Mutex::default(),
            link: link.clone(),
            largest: OnceLock::new(),
        })
    }

    pub(super) fn largest(&self) -> usize {
        *self.largest.get_or_init(|| LARGEST)
    }

    #[inline]
    pub(super) fn count(&self, count: Count) {
        self.counts.bump(count as usize);
    }

    pub(crate) fn counts(&self) -> QueueCounts {
        let sum = |count: Count| self.counts.sum(count as usize);
        QueueCounts {
            queued: sum(Count::Queued),
            spooled: sum(Count::Spooled),
            delivered: sum(Count::Delivered),
            retried: sum(Count::Retried),
            dead: sum(Count::Dead),
            claimed: sum(Count::Claimed),
        }
    }

    /// A connection of a worker's own, since reading blocks.
    pub(super) fn reader(&self) -> Arc<Courier> {
        Courier::new(self.link.clone(), &self.keys[0], ANSWER)
    }

    /// Checks the size, and that it is text that Redis can give back.
    pub(super) fn checked(&self, entry: Entry) -> Result<Entry, OutboxError> {
        if entry.data.len() > self.largest() {
            return Err(OutboxError::TooLarge {
                queue: self.name,
                bytes: entry.data.len(),
                most: self.largest(),
            });
        }
        Ok(entry)
    }

    fn add(&self, entry: &Entry) -> Cmd {
        let mut command = cmd("XADD");
        command.arg(&self.keys[0]).arg("*");
        for (field, value) in entry.fields() {
            command.arg(field).arg(value);
        }
        command
    }

    /// Puts an entry in Redis; where that is out, in the spool.
    pub(super) async fn push(
        &self,
        entry: Entry,
        spool: Option<&Spool>,
    ) -> Result<String, OutboxError> {
        let entry = self.checked(entry)?;
        match self.courier.run(self.add(&entry)).await {
            Ok(_) => Ok(self.has_queued(entry)),
            Err(error) => match spool {
                None => Err(OutboxError::unavailable(self.name, &error)),
                Some(spool) => {
                    let kept = spool.keep(&entry).await;
                    self.has_spooled(entry, kept)
                }
            },
        }
    }

    /// As [`push`](Self::push), for a sync function, which parks.
    pub(super) fn push_blocking(
        &self,
        entry: Entry,
        spool: Option<&Spool>,
    ) -> Result<String, OutboxError> {
        let entry = self.checked(entry)?;
        match self.courier.run_blocking(self.add(&entry)) {
            Ok(_) => Ok(self.has_queued(entry)),
            Err(error) => match spool {
                None => Err(OutboxError::unavailable(self.name, &error)),
                Some(spool) => {
                    let kept = spool.keep_blocking(&entry);
                    self.has_spooled(entry, kept)
                }
            },
        }
    }

    /// Moves an entry out of a spool.
    pub(super) async fn push_spooled(&self, entry: &Entry) -> Result<(), LinkError> {
        self.courier.run(self.add(entry)).await.map(drop)
    }

    fn has_queued(&self, entry: Entry) -> String {
        self.count(Count::Queued);
        report(&Event::Queued {
            queue: self.name,
            id: &entry.id,
            spooled: false,
        });
        entry.id
    }

    fn has_spooled(&self, entry: Entry, kept: std::io::Result<()>) -> Result<String, OutboxError> {
        if let Err(error) = kept {
            return Err(OutboxError::Spool {
                queue: self.name,
                error,
            });
        }
        self.count(Count::Spooled);
        report(&Event::Queued {
            queue: self.name,
            id: &entry.id,
            spooled: true,
        });
        Ok(entry.id)
    }

    /// The spool in this folder, which is one for all who name it.
    pub(super) fn spool(self: &Arc<Self>, folder: &Path) -> std::io::Result<Arc<Spool>> {
        let mut spools = self.spools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = spools.iter().find(|spool| spool.is_in(folder)) {
            return Ok(known.clone());
        }
        let spool = Spool::open(folder, self)?;
        spools.push(spool.clone());
        Ok(spool)
    }

    fn script_keys(&self) -> Vec<String> {
        self.keys.to_vec()
    }

    /// Makes the group of workers, unless it is there.
    pub(super) async fn make_group(&self) -> Result<(), LinkError> {
        let mut command = cmd("XGROUP");
        let command = command.arg("CREATE").arg(&self.keys[0]).arg(GROUP);
        let command = command.arg("0").arg("MKSTREAM").clone();
        match self.courier.run(command).await {
            Err(LinkError::Refused { code, .. }) if code == "BUSYGROUP" => Ok(()),
            other => other.map(drop),
        }
    }

    /// Waits up to `block_ms` for entries that nobody has yet.
    pub(super) async fn take(
        &self,
        reader: &Arc<Courier>,
        consumer: &str,
        count: usize,
        block: Duration,
    ) -> Result<Vec<Delivery>, LinkError> {
        let mut command = cmd("XREADGROUP");
        command.arg("GROUP").arg(GROUP).arg(consumer);
        command.arg("COUNT").arg(count);
        command
            .arg("BLOCK")
            .arg(block.as_millis().max(1).to_string());
        command.arg("STREAMS").arg(&self.keys[0]).arg(">");
        let limit = block + Duration::from_secs(1);
        let found = reader.within(command, limit).await?;
        Ok(delivered(&found))
    }

    /// Takes over entries that their workers have not been heard of for so long.
    pub(super) async fn claim(
        &self,
        consumer: &str,
        idle: Duration,
        count: usize,
    ) -> Result<Vec<Delivery>, LinkError> {
        let mut command = cmd("XAUTOCLAIM");
        command.arg(&self.keys[0]).arg(GROUP).arg(consumer);
        command.arg(idle.as_millis().to_string());
        command.arg("0-0").arg("COUNT").arg(count);
        let mut claimed = match self.courier.run(command).await {
            Ok(Value::Array(parts)) => parts.get(1).map_or_else(Vec::new, deliveries),
            Err(LinkError::Refused { code, .. }) if code == "NOGROUP" => Vec::new(),
            other => return other.map(|_| Vec::new()),
        };
        for delivery in &mut claimed {
            // Where Redis does not say, it is handled all the same: it is this worker's now.
            let deliveries = self.deliveries_of(&delivery.place).await.unwrap_or(1);
            delivery.crashes = deliveries.saturating_sub(1);
        }
        Ok(claimed)
    }

    /// How often an entry was handed out: each time but this one its worker crashed.
    async fn deliveries_of(&self, place: &str) -> Result<u32, LinkError> {
        let mut command = cmd("XPENDING");
        command.arg(&self.keys[0]).arg(GROUP);
        command.arg(place).arg(place).arg(1);
        let Value::Array(found) = self.courier.run(command).await? else {
            return Ok(1);
        };
        Ok(match found.first() {
            Some(Value::Array(parts)) => parts.get(3).map(text).and_then(|it| it.parse().ok()),
            _ => None,
        }
        .unwrap_or(1))
    }

    /// Forgets workers that hold nothing and were not heard of for so long.
    pub(super) async fn tidy(&self, silent: Duration) -> Result<(), LinkError> {
        let args = [GROUP.to_owned(), silent.as_millis().to_string()];
        let tidied = self
            .courier
            .script(&QUEUE_TIDY, self.script_keys(), bytes(args));
        match tidied.await {
            // There is no stream yet, or no group.
            Err(LinkError::Refused { .. }) => Ok(()),
            other => other.map(drop),
        }
    }

    /// Says that a worker still works on these.
    pub(super) async fn touch(&self, consumer: &str, places: &[String]) -> Result<(), LinkError> {
        let mut command = cmd("XCLAIM");
        command.arg(&self.keys[0]).arg(GROUP).arg(consumer).arg(0);
        command.arg(places).arg("JUSTID");
        self.courier.run(command).await.map(drop)
    }

    /// Forgets a worker that holds nothing any more.
    pub(super) async fn leave(&self, consumer: &str) {
        let mut command = cmd("XGROUP");
        command.arg("DELCONSUMER").arg(&self.keys[0]);
        command.arg(GROUP).arg(consumer);
        // One that stays does no harm.
        let _ = self.courier.run(command).await;
    }

    pub(super) async fn done(&self, places: &[String]) -> Result<(), LinkError> {
        let args = std::iter::once(GROUP.as_bytes().to_vec());
        let args = args.chain(places.iter().map(|place| place.clone().into_bytes()));
        let done = self
            .courier
            .script(&QUEUE_DONE, self.script_keys(), args.collect());
        done.await.map(drop)
    }

    pub(super) async fn later(
        &self,
        delivery: &Delivery,
        after: Duration,
    ) -> Result<(), LinkError> {
        let args = [
            GROUP.to_owned(),
            delivery.place.clone(),
            delivery.entry.id.clone(),
            after.as_millis().to_string(),
            delivery.entry.packed(),
        ];
        let later = self
            .courier
            .script(&QUEUE_LATER, self.script_keys(), bytes(args));
        later.await.map(drop)
    }

    pub(super) async fn bury(
        &self,
        delivery: &Delivery,
        class: &str,
        error: &str,
    ) -> Result<(), LinkError> {
        let entry = &delivery.entry;
        let args = [
            GROUP.to_owned(),
            delivery.place.clone(),
            entry.id.clone(),
            entry.key.clone(),
            entry.call.clone(),
            entry.attempts.to_string(),
            entry.data.clone(),
            class.to_owned(),
            error.to_owned(),
        ];
        let buried = self
            .courier
            .script(&QUEUE_BURY, self.script_keys(), bytes(args));
        buried.await.map(drop)
    }

    /// Puts entries that are due back on the stream; gives when the next one is due.
    pub(super) async fn promote(&self) -> Result<Option<Duration>, LinkError> {
        let promoted =
            self.courier
                .script(&QUEUE_PROMOTE, self.script_keys(), bytes(["1000".into()]));
        let next = match promoted.await? {
            Value::Array(parts) => match parts.get(1) {
                Some(Value::Int(millis)) => u64::try_from(*millis).ok(),
                _ => None,
            },
            _ => None,
        };
        Ok(next.map(Duration::from_millis))
    }

    pub(super) async fn dead(&self, most: usize) -> Result<Vec<Dead>, LinkError> {
        let mut command = cmd("XRANGE");
        command.arg(&self.keys[3]).arg("-").arg("+");
        command.arg("COUNT").arg(most);
        let found = self.courier.run(command).await?;
        let all = entries(&found).into_iter();
        let dead = all.map(|(place, fields)| Dead {
            letter: DeadLetter(place.clone()),
            class: fields.get("class").unwrap_or_default().to_owned(),
            error: fields.get("error").unwrap_or_default().to_owned(),
            entry: Entry::of(&place, &fields),
        });
        Ok(dead.collect())
    }

    pub(super) async fn replay(&self, letter: &DeadLetter) -> Result<bool, LinkError> {
        let args = bytes([letter.0.clone()]);
        let replayed = self.courier.script(&QUEUE_REPLAY, self.script_keys(), args);
        Ok(replayed.await? == Value::Int(1))
    }

    pub(super) async fn discard(&self, letter: &DeadLetter) -> Result<bool, LinkError> {
        let mut command = cmd("XDEL");
        command.arg(&self.keys[3]).arg(&letter.0);
        Ok(self.courier.run(command).await? == Value::Int(1))
    }

    pub(super) async fn depth(&self) -> Result<Depth, LinkError> {
        let length = async |command: &str, key: &str| {
            let mut asked = cmd(command);
            asked.arg(key);
            let answer = self.courier.run(asked).await?;
            Ok::<_, LinkError>(text(&answer).parse().unwrap_or(0))
        };
        Ok(Depth {
            waiting: length("XLEN", &self.keys[0]).await?,
            delayed: length("ZCARD", &self.keys[1]).await?,
            dead: length("XLEN", &self.keys[3]).await?,
        })
    }
}

fn bytes<const N: usize>(args: [String; N]) -> Vec<Vec<u8>> {
    args.into_iter().map(String::into_bytes).collect()
}
