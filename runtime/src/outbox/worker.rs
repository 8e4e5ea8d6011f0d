//! A worker: takes entries, hands them to a handler, settles what came of them.

use std::collections::VecDeque;
use std::error::Error;
use std::future::pending;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use steadfast_options::Jitter;
use tokio::time::{Instant, sleep_until};

use super::entry::Delivery;
use super::error::OutboxError;
use super::fate::{Counts, Fate, Patience};
use super::flights::Flights;
use super::inside::{Handling, Refused};
use super::queue::{Count, Queue};
use super::settle::{Settlement, settle};
use crate::classify::Class;
use crate::retry::Backoff;
use crate::shared::courier::Courier;
use crate::shared::link::LinkError;
use crate::telemetry::{Event, report};

/// How long a read waits for entries.
const BLOCK: Duration = Duration::from_secs(1);
/// How long a worker rests where Redis is out.
const REST: Duration = Duration::from_millis(200);
/// How often it looks whether delayed entries are due, at the least.
const LOOK: Duration = Duration::from_secs(1);
/// A worker that holds nothing and was not heard of for so long is forgotten.
const SILENT: Duration = Duration::from_secs(24 * 3600);
/// For each attempt an entry has, this many deliveries may end with no word of it: most are answers that
/// were lost, and only an entry that crashes each worker comes so far.
const CRASHES: u32 = 5;
/// Places of settled entries that a worker remembers.
const REMEMBERED: usize = 4096;
/// Outcomes that may wait for Redis to hear of them.
const UNSETTLED: usize = 1000;

type Soon<R> = Pin<Box<dyn Future<Output = R> + Send>>;
type Classifier = fn(&(dyn Error + 'static)) -> Class;

/// A worker of a queue, from [`Outbox::worker`](super::Outbox::worker); await it to run it.
#[must_use = "a worker works when it is awaited"]
pub struct Worker<T, H> {
    queue: Arc<Queue>,
    handler: H,
    concurrency: usize,
    patience: Patience,
    claim_after: Duration,
    classify: Classifier,
    stop: Option<Soon<()>>,
    of: PhantomData<fn() -> T>,
}

impl<T, H> Worker<T, H> {
    pub(super) fn new(queue: Arc<Queue>, handler: H) -> Self {
        let backoff = Backoff::new(Duration::from_secs(1)).cap(Duration::from_secs(300));
        Self {
            queue,
            handler,
            concurrency: 8,
            patience: Patience {
                max: 10,
                backoff: backoff.jitter(Jitter::Equal),
            },
            claim_after: Duration::from_secs(60),
            classify: |error| Class::of(error),
            stop: None,
            of: PhantomData,
        }
    }

    /// Entries that are handled at a time; 8 unless set, at least 1.
    pub fn concurrency(mut self, entries: usize) -> Self {
        self.concurrency = entries.max(1);
        self
    }

    /// Attempts after which an entry goes to the dead letters; 10 unless set, at least 1.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.patience.max = attempts.max(1);
        self
    }

    /// The pauses between attempts; from 1 s, doubling up to 5 min, unless set.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.patience.backoff = backoff;
        self
    }

    /// How long a worker may be silent until others take over what it holds; 60 s unless set. A worker
    /// that lives says so three times as often, however long a handler takes.
    pub fn claim_after(mut self, silence: Duration) -> Self {
        self.claim_after = silence.max(Duration::from_millis(100));
        self
    }

    /// What an error means, in place of what its chain of sources says.
    pub fn classify(mut self, classify: fn(&(dyn Error + 'static)) -> Class) -> Self {
        self.classify = classify;
        self
    }

    /// Stops when this future is ready: nothing more is taken, what is being handled is finished and
    /// settled, and the worker ends with `Ok`. One that is dropped instead leaves what it holds to
    /// others, after [`claim_after`](Self::claim_after).
    pub fn until(mut self, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = Some(Box::pin(stop));
        self
    }
}

impl<T, H, F, E> IntoFuture for Worker<T, H>
where
    T: DeserializeOwned + Send + 'static,
    H: Fn(T) -> F + Send + 'static,
    F: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn Error + Send + Sync>> + 'static,
{
    type Output = Result<(), OutboxError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        let handler = self.handler;
        let handle = move |data: &str| -> Result<Soon<super::Handled>, String> {
            let work: T = serde_json::from_str(data).map_err(|error| error.to_string())?;
            let future = handler(work);
            Ok(Box::pin(async move { future.await.map_err(Into::into) }))
        };
        let work = Work {
            reader: self.queue.reader(),
            consumer: format!("{:016x}", fastrand::u64(..)),
            queue: self.queue,
            concurrency: self.concurrency,
            patience: self.patience,
            claim_after: self.claim_after,
            classify: self.classify,
            flights: Flights::default(),
            parked: Vec::new(),
            unsettled: Vec::new(),
            settling: Vec::new(),
            settled: VecDeque::new(),
            hold: Instant::now(),
            rest: Instant::now(),
            look: Instant::now(),
            claim: Instant::now(),
            touch: Instant::now(),
        };
        Box::pin(work.run(handle, self.stop))
    }
}

/// A worker at work.
struct Work {
    queue: Arc<Queue>,
    reader: Arc<Courier>,
    consumer: String,
    concurrency: usize,
    patience: Patience,
    claim_after: Duration,
    classify: Classifier,
    flights: Flights,
    /// Entries that wait for the breaker.
    parked: Vec<Delivery>,
    /// What Redis has not been told yet.
    unsettled: Vec<Settlement>,
    /// Places of what it is being told.
    settling: Vec<String>,
    /// Places of what it was told last: a claim may have been answered before it heard of them.
    settled: VecDeque<String>,
    /// Nothing is begun before, since the breaker is open.
    hold: Instant,
    /// Redis is not asked before.
    rest: Instant,
    /// When delayed entries are looked at.
    look: Instant,
    claim: Instant,
    touch: Instant,
}

/// What a look around found.
struct Seen {
    next: Option<Duration>,
    claimed: Vec<Delivery>,
}

impl Work {
    async fn run(
        mut self,
        handle: impl Fn(&str) -> Result<Soon<super::Handled>, String>,
        stop: Option<Soon<()>>,
    ) -> Result<(), OutboxError> {
        let mut stop = stop;
        let mut stopping = false;
        let (mut taking, mut settling, mut looking) = (None, None, None);
        loop {
            let now = Instant::now();
            if now >= self.hold {
                let free = self.concurrency.saturating_sub(self.flights.len());
                let parked = self.parked.len().min(free);
                for delivery in self.parked.drain(..parked).collect::<Vec<_>>() {
                    self.begin(delivery, &handle);
                }
            }
            if taking.is_none() && !stopping && self.may_take(now) {
                taking = Some(self.take());
            }
            if settling.is_none() && !self.unsettled.is_empty() && now >= self.rest {
                settling = Some(self.settle());
            }
            if looking.is_none() && !stopping && now >= self.look.max(self.rest) {
                looking = Some(self.look_around(now));
            }
            let idle = self.flights.len() == 0 && self.unsettled.is_empty() && settling.is_none();
            if stopping && idle && taking.is_none() && looking.is_none() && self.parked.is_empty() {
                self.queue.leave(&self.consumer).await;
                return Ok(());
            }
            let wakes = self.wakes(now);
            tokio::select! {
                taken = some(&mut taking) => {
                    taking = None;
                    self.taken(taken)?.into_iter().for_each(|one| self.begin(one, &handle));
                }
                left = some(&mut settling) => {
                    settling = None;
                    self.settled(left);
                }
                seen = some(&mut looking) => {
                    looking = None;
                    self.seen(seen).into_iter().for_each(|one| self.begin(one, &handle));
                }
                (delivery, handled, noted) = self.flights.next() => self.handled(delivery, handled, noted),
                () = some(&mut stop) => {
                    stop = None;
                    stopping = true;
                    // They are not begun any more: others take them over.
                    self.parked.clear();
                }
                () = sleep_until(wakes) => {}
            }
        }
    }

    fn may_take(&self, now: Instant) -> bool {
        self.flights.len() + self.parked.len() < self.concurrency
            && now >= self.hold.max(self.rest)
            && self.unsettled.len() < UNSETTLED
    }

    /// When there is something to do without anything coming in.
    fn wakes(&self, now: Instant) -> Instant {
        let mut at = self.look.max(self.rest);
        for other in [self.hold, self.rest] {
            if other > now {
                at = at.min(other);
            }
        }
        at.max(now + Duration::from_millis(1))
    }

    fn take(&self) -> Soon<Result<Vec<Delivery>, LinkError>> {
        let (queue, reader) = (self.queue.clone(), self.reader.clone());
        let consumer = self.consumer.clone();
        let free = self.concurrency - self.flights.len() - self.parked.len();
        Box::pin(async move {
            match queue.take(&reader, &consumer, free, BLOCK).await {
                Err(LinkError::Refused { code, .. }) if code == "NOGROUP" => {
                    queue.make_group().await?;
                    Ok(Vec::new())
                }
                other => other,
            }
        })
    }

    fn settle(&mut self) -> Soon<Vec<Settlement>> {
        let all = std::mem::take(&mut self.unsettled);
        self.settling = all.iter().map(|it| it.place().to_owned()).collect();
        Box::pin(settle(self.queue.clone(), all))
    }

    /// What is left was not heard by Redis: it is told again.
    fn settled(&mut self, left: Vec<Settlement>) {
        let told = self.settling.drain(..);
        let told = told.filter(|place| !left.iter().any(|it| it.place() == place));
        self.settled.extend(told);
        let old = self.settled.len().saturating_sub(REMEMBERED);
        self.settled.drain(..old);
        if !left.is_empty() {
            self.rest = Instant::now() + REST;
            self.unsettled.extend(left);
        }
    }

    fn look_around(&mut self, now: Instant) -> Soon<Result<Seen, LinkError>> {
        self.look = now + LOOK;
        let claims = now >= self.claim && self.may_take(now);
        if claims {
            self.claim = now + self.claim_after / 2;
        }
        let held = if now >= self.touch {
            self.touch = now + self.claim_after / 3;
            self.held()
        } else {
            Vec::new()
        };
        let (queue, consumer) = (self.queue.clone(), self.consumer.clone());
        let (idle, most) = (self.claim_after, self.concurrency);
        Box::pin(async move {
            if !held.is_empty() {
                queue.touch(&consumer, &held).await?;
            }
            let next = queue.promote().await?;
            let claimed = if claims {
                queue.tidy(SILENT).await?;
                queue.claim(&consumer, idle, most).await?
            } else {
                Vec::new()
            };
            Ok(Seen { next, claimed })
        })
    }

    /// All that this worker is not done with.
    fn held(&self) -> Vec<String> {
        let parked = self.parked.iter().map(|delivery| delivery.place.clone());
        let unsettled = self.unsettled.iter().map(|it| it.place().to_owned());
        let settling = self.settling.iter().cloned();
        let flying = self.flights.places().map(str::to_owned);
        parked
            .chain(unsettled)
            .chain(settling)
            .chain(flying)
            .collect()
    }

    fn taken(
        &mut self,
        taken: Result<Vec<Delivery>, LinkError>,
    ) -> Result<Vec<Delivery>, OutboxError> {
        match taken {
            Ok(taken) => Ok(taken),
            // Something else has that key: no waiting mends it.
            Err(LinkError::Refused { code, message }) if code == "WRONGTYPE" => {
                Err(OutboxError::Unavailable {
                    queue: self.queue.name,
                    reason: format!("{code} {message}"),
                })
            }
            Err(_) => {
                self.rest = Instant::now() + REST;
                Ok(Vec::new())
            }
        }
    }

    fn seen(&mut self, seen: Result<Seen, LinkError>) -> Vec<Delivery> {
        let Ok(Seen { next, claimed }) = seen else {
            self.rest = Instant::now() + REST;
            return Vec::new();
        };
        if let Some(next) = next {
            self.look = self
                .look
                .min(Instant::now() + next.max(Duration::from_millis(10)));
        }
        let held = self.held();
        let is_known = |place: &String| held.contains(place) || self.settled.contains(place);
        let fresh = claimed.into_iter().filter(|it| !is_known(&it.place));
        let fresh: Vec<Delivery> = fresh.collect();
        for delivery in &fresh {
            self.queue.count(Count::Claimed);
            report(&Event::Claimed {
                queue: self.queue.name,
                id: &delivery.entry.id,
            });
        }
        fresh
    }

    /// Hands an entry to the handler.
    fn begin(
        &mut self,
        delivery: Delivery,
        handle: &impl Fn(&str) -> Result<Soon<super::Handled>, String>,
    ) {
        if delivery.crashes >= self.patience.max.saturating_mul(CRASHES) {
            let why = "the workers that had it crashed".to_owned();
            return self
                .unsettled
                .push(Settlement::Bury(delivery, "transient".into(), why));
        }
        let mut unreadable = None;
        let handling = Handling::new(&delivery.entry.key, || {
            handle(&delivery.entry.data).unwrap_or_else(|error| {
                unreadable = Some(error);
                Box::pin(pending())
            })
        });
        match unreadable {
            None => self.flights.begin(delivery, handling),
            Some(error) => {
                report(&Event::Unreadable {
                    what: &self.queue.name,
                    error: &error,
                });
                let why = format!("the entry can't be read any more: {error}");
                self.unsettled
                    .push(Settlement::Bury(delivery, "permanent".into(), why));
            }
        }
    }

    /// Decides what becomes of an entry.
    fn handled(&mut self, mut delivery: Delivery, handled: super::Handled, noted: Option<Refused>) {
        let Err(error) = handled else {
            return self.unsettled.push(Settlement::Done(delivery));
        };
        let attempt = delivery.entry.attempts + 1;
        let class = (self.classify)(&*error);
        match self.patience.fate(attempt, class, &*error, noted) {
            Fate::Hold(time) => {
                self.hold = self.hold.max(Instant::now() + time);
                self.parked.push(delivery);
            }
            Fate::Later(after, counts) => {
                delivery.entry.attempts += u32::from(counts == Counts::Yes);
                let (class, error) = (class.to_string(), error.to_string());
                self.unsettled
                    .push(Settlement::Later(delivery, after, class, error));
            }
            Fate::Dead => {
                delivery.entry.attempts = attempt;
                let (class, error) = (class.to_string(), error.to_string());
                self.unsettled
                    .push(Settlement::Bury(delivery, class, error));
            }
        }
    }
}

/// The future's output; never, where there is none.
async fn some<R>(future: &mut Option<Soon<R>>) -> R {
    match future {
        Some(future) => future.await,
        None => pending().await,
    }
}
