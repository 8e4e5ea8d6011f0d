//! What a fleet shares through Redis.
//!
//! ```text
//! server, secret   where Redis is
//! link/            one connection, on a thread of its own
//! scripts          what Redis runs
//! mod              the fleet: who belongs to it, and what is announced
//! breaker          carries a breaker's messages
//! limits           keeps the counts of limits and bulkheads
//! answers          keeps answers
//! courier          a connection apart, for what may be large
//! ```
//!
//! Policies know nothing of this: each has a seam, and what is here works it.

pub(crate) mod answers;
mod breaker;
pub(crate) mod courier;
mod encode;
mod limits;
#[allow(dead_code)] // the outbox will use all of it
pub(crate) mod link;
pub(crate) mod scripts;
mod secret;
mod server;
#[cfg(all(test, feature = "testing"))]
mod simulation;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{PushInfo, PushKind, Value};
use steadfast_options::Name;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;
use tokio::time::sleep;

pub(crate) use secret::Secret;
pub(crate) use server::{GivenClient, RedisSettings, Server, ServerKind, check_prefix, check_url};

use crate::breaker::Breaker;
use crate::quota::Reach;
use crate::registry::RedisStatus;
use answers::AnswerStore;
use breaker::{Carried, Carrier, parse_announcement};
use link::{Greet, Greeter, Link, LinkError, LinkRef};

/// How often an instance says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long it counts without.
const EXPIRY: Duration = Duration::from_secs(15);
/// What all instances together may ask a second, in turns, of the state of all breakers.
const POLLS_PER_SECOND: f64 = 10_000.0;
const POLL: Duration = Duration::from_secs(1);

/// What one process shares with others, over one link.
pub(crate) struct Fleet {
    link: Link,
    known: Arc<Known>,
    /// Limits and bulkheads.
    reach: Arc<Reach>,
    answers: Arc<AnswerStore>,
}

/// What tasks of the link need to know.
struct Known {
    prefix: String,
    /// This process, in the fleet.
    instance: String,
    size: AtomicU32,
    /// How many times a heartbeat was answered.
    beats: AtomicU64,
    breakers: Mutex<HashMap<Name, Arc<Carrier>>>,
}

impl Known {
    /// What an instance knows that has one breaker and has met nobody.
    #[cfg(all(test, feature = "testing"))]
    fn alone(prefix: &str, instance: String) -> Self {
        Self {
            prefix: prefix.to_owned(),
            instance,
            size: AtomicU32::new(1),
            beats: AtomicU64::new(0),
            breakers: Mutex::default(),
        }
    }

    /// The instances there are.
    #[cfg(all(test, feature = "testing"))]
    fn meets(&self, instances: u32) {
        self.size.store(instances, Ordering::Relaxed);
    }

    fn breakers(&self) -> MutexGuard<'_, HashMap<Name, Arc<Carrier>>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn carriers(&self) -> Vec<Arc<Carrier>> {
        self.breakers().values().cloned().collect()
    }

    /// The instances there are, this one among them.
    fn size(&self) -> u32 {
        self.size.load(Ordering::Relaxed)
    }

    /// How often the state of all breakers is asked for, should an announcement be lost.
    fn poll_every(&self) -> Duration {
        poll_period(self.breakers().len(), self.size())
    }

    fn beat(&self, count: &Value) {
        if let Value::Int(count) = count {
            let count = u32::try_from(*count).unwrap_or(u32::MAX).max(1);
            self.size.store(count, Ordering::Relaxed);
            self.beats.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn heartbeat(&self) -> (Vec<String>, Vec<Vec<u8>>) {
        let keys = vec![format!("{{{}:instances}}", self.prefix)];
        let expiry = EXPIRY.as_micros().to_string();
        (keys, vec![self.instance.clone().into(), expiry.into()])
    }
}

/// Says that this instance is there, which shows that the server takes writes, and hands it the
/// scripts.
struct Hello(Arc<Known>);

impl Greet for Hello {
    async fn greet(&self, line: &Greeter) -> Result<(), LinkError> {
        for script in scripts::all() {
            line.run(&script.load()).await?;
        }
        let (keys, args) = self.0.heartbeat();
        let count = line.script(&scripts::HEARTBEAT, &keys, &args).await?;
        self.0.beat(&count);
        Ok(())
    }
}

#[allow(dead_code)] // limits and the outbox will use all of it
impl Fleet {
    /// Connects in the background.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings, or that there is no thread to be had.
    pub(crate) fn start(settings: &RedisSettings) -> Result<Arc<Self>, String> {
        let server = Server::new(settings)?;
        let known = Arc::new(Known {
            prefix: settings.prefix().to_owned(),
            instance: format!("{:016x}", fastrand::u64(..)),
            size: AtomicU32::new(settings.expected_instances.unwrap_or(1).max(1)),
            beats: AtomicU64::new(0),
            breakers: Mutex::default(),
        });
        let started = Link::start(server, Hello(known.clone()));
        let (link, pushes) = started.map_err(|error| format!("no thread for Redis: {error}"))?;
        let inner = link.inner().clone();
        drop(link.spawn(listen(known.clone(), pushes)));
        drop(link.spawn(beat(known.clone(), inner.clone())));
        drop(link.spawn(poll(known.clone(), inner.clone())));
        if !inner.is_cluster() {
            let channel = known.channel_of_all();
            drop(link.spawn(async move {
                let _ = inner.subscribe(channel).await; // if not now, with the next connection
            }));
        }
        let store = limits::RedisStore::new(link.inner().clone(), known.clone());
        let reach = Reach::new(Arc::new(store));
        let watched = link.inner().clone();
        drop(link.spawn(limits::watch(watched, Arc::downgrade(&reach))));
        let answers = AnswerStore::new(&link, &known.prefix, &known.instance);
        Ok(Arc::new(Self {
            link,
            known,
            reach,
            answers,
        }))
    }

    /// Where answers are kept for all instances.
    pub(crate) fn answers(&self) -> &Arc<AnswerStore> {
        &self.answers
    }

    /// Whether limits and bulkheads can be shared, and what they go by else.
    pub(crate) fn reach(&self) -> &Arc<Reach> {
        &self.reach
    }

    /// Where Redis is, without what is secret.
    pub(crate) fn server(&self) -> &str {
        self.link.server()
    }

    pub(crate) fn status(&self) -> RedisStatus {
        let error = match &*self.link.state().borrow() {
            link::LinkState::Up(_) => None,
            link::LinkState::Starting => Some("not connected yet".into()),
            link::LinkState::Down(why) => Some(why.to_string()),
        };
        RedisStatus {
            connected: error.is_none(),
            server: self.server().into(),
            instances: self.size(),
            error,
        }
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Waits until the first connection serves or fails; how that went.
    pub(crate) async fn first(&self, at_most: Duration) -> Result<(), LinkError> {
        let mut state = self.link.state();
        let settled = self.link.spawn(async move {
            let waited = tokio::time::timeout(at_most, async {
                loop {
                    match &*state.borrow_and_update() {
                        link::LinkState::Up(_) => return Ok(()),
                        link::LinkState::Down(why) => return Err(why.clone()),
                        link::LinkState::Starting => {}
                    }
                    if state.changed().await.is_err() {
                        return Err(LinkError::Down);
                    }
                }
            });
            waited.await.unwrap_or(Err(LinkError::Timeout))
        });
        settled.await.unwrap_or(Err(LinkError::Down))
    }

    /// What keys begin with.
    pub(crate) fn prefix(&self) -> &str {
        &self.known.prefix
    }

    /// This process among the instances: 16 hex digits.
    pub(crate) fn instance(&self) -> &str {
        &self.known.instance
    }

    /// How many instances there are: as many as were heard of, or as are expected while Redis has never
    /// been seen.
    pub(crate) fn size(&self) -> u32 {
        self.known.size()
    }

    /// Shares a breaker.
    pub(crate) fn share(&self, breaker: &Breaker) {
        let mut breakers = self.known.breakers();
        if let Some(known) = breakers.get(&breaker.name()) {
            return known.attach(); // it was local for a moment
        }
        let link = self.link.inner().clone();
        let carrier = Arc::new(Carrier::new(breaker, &self.known, link));
        carrier.attach();
        breakers.insert(breaker.name(), carrier.clone());
        drop(breakers);
        let known = self.known.clone();
        drop(self.link.spawn(async move {
            while carrier.carry().await == Carried::Unshared {
                let mut breakers = known.breakers();
                if !carrier.breaker().is_shared() {
                    breakers.remove(&carrier.name());
                    return;
                }
            }
        }));
    }

    /// Every breaker goes by its own rules from now on.
    pub(crate) async fn stop(&self) {
        self.reach.end();
        for carrier in self.known.carriers() {
            carrier.breaker().leave_fleet();
        }
        let key = format!("{{{}:instances}}", self.known.prefix);
        let mut leave = redis::cmd("ZREM");
        leave.arg(key).arg(&self.known.instance);
        let _ = self.link.run(leave).await; // else it expires
    }
}

impl Known {
    /// Where transitions are announced, but in a cluster.
    fn channel_of_all(&self) -> String {
        format!("{}:cb", self.prefix)
    }
}

/// Passes announcements on.
async fn listen(known: Arc<Known>, mut pushes: UnboundedReceiver<PushInfo>) {
    while let Some(push) = pushes.recv().await {
        if !matches!(push.kind, PushKind::Message | PushKind::SMessage) {
            continue;
        }
        if let [_, Value::BulkString(payload)] = &push.data[..]
            && let Some((name, seen)) = parse_announcement(payload)
        {
            let carrier = {
                let breakers = known.breakers();
                breakers
                    .iter()
                    .find(|(known, _)| ***known == *name)
                    .map(|(_, carrier)| carrier.clone())
            };
            if let Some(carrier) = carrier {
                carrier.announced(seen);
            }
        }
    }
}

async fn beat(known: Arc<Known>, link: LinkRef) {
    loop {
        sleep(jittered(HEARTBEAT)).await;
        let (keys, args) = known.heartbeat();
        if let Ok(count) = link.script(&scripts::HEARTBEAT, &keys, &args).await {
            known.beat(&count);
            link.set_fleet(known.size());
        }
    }
}

/// All in one go: they share a write and a round trip.
async fn poll(known: Arc<Known>, link: LinkRef) {
    loop {
        sleep(jittered(known.poll_every())).await;
        if link.is_up() {
            let carriers = known.carriers().into_iter();
            let reads: JoinSet<()> = carriers
                .map(|carrier| async move { carrier.read().await })
                .collect();
            reads.join_all().await;
        }
    }
}

fn poll_period(breakers: usize, instances: u32) -> Duration {
    let asked = breakers as f64 * f64::from(instances);
    POLL.max(Duration::from_secs_f64(asked / POLLS_PER_SECOND))
}

/// Ten per cent more or less, so that instances that began together do not ask together.
fn jittered(time: Duration) -> Duration {
    time.mul_f64(0.9 + 0.2 * fastrand::f64())
}
