//! Everything, live: one task looks at the registry twice a second while somebody watches, and each
//! watcher is sent what has changed since it was sent something last.
//!
//! A watcher that does not read holds one snapshot, which all share, and nothing piles up for it.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use ::axum::extract::State;
use ::axum::http::header::RETRY_AFTER;
use ::axum::http::{HeaderValue, StatusCode};
use ::axum::response::sse::{Event, KeepAlive, Sse};
use ::axum::response::{IntoResponse, Response};
use futures_core::Stream;
use serde::Serialize;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::Shared;
use super::answer::refused;
use super::circuits::Circuit;
use super::happened::Happened;
use crate::breaker::Breaker;
use crate::bulkhead::BulkheadStatus;
use crate::rate_limit::LimitStatus;
use crate::registry::Registry;
use crate::serialize::rfc3339;
use crate::telemetry::recent;
use crate::totals::{BreakerTotals, BulkheadTotals, LimitTotals};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(500);
/// Watchers at a time.
const MOST: usize = 1024;

/// What is sent of one breaker, limit or bulkhead.
struct Item {
    list: &'static str,
    /// The look at which it was last another.
    since: u64,
    json: Arc<str>,
}

/// All there was to see at one look.
struct Look {
    number: u64,
    now: String,
    items: Vec<Item>,
}

/// Whoever watches.
pub(super) struct Hub {
    registry: Registry,
    looks: Mutex<Option<watch::Receiver<Arc<Look>>>>,
    watchers: Arc<AtomicUsize>,
}

#[derive(Serialize)]
struct LiveCircuit {
    #[serde(flatten)]
    circuit: Circuit,
    since: Option<String>,
    mode: &'static str,
    totals: Totals,
    keys: Option<Keys>,
}

#[derive(Serialize)]
struct Totals {
    successes: u64,
    failures: u64,
    rejections: u64,
    slow: u64,
}

#[derive(Serialize)]
struct Keys {
    held: usize,
    open: usize,
}

#[derive(Serialize)]
struct LiveLimit {
    name: String,
    #[serde(flatten)]
    limit: LimitStatus,
    rejected: u64,
}

#[derive(Serialize)]
struct LivePlaces {
    name: String,
    #[serde(flatten)]
    places: BulkheadStatus,
    rejected: u64,
}

fn circuit(breaker: &Breaker, totals: &BreakerTotals) -> LiveCircuit {
    LiveCircuit {
        circuit: Circuit::of(breaker),
        since: breaker.last_changed().map(rfc3339),
        mode: steadfast_options::Keyword::word(breaker.mode()),
        totals: Totals {
            successes: totals.successes,
            failures: totals.failures,
            rejections: totals.rejections,
            slow: totals.slow_calls,
        },
        keys: totals.keys.map(|(held, open)| Keys { held, open }),
    }
}

/// Looks at a registry, and knows what it saw before.
struct Looker {
    registry: Registry,
    number: u64,
    before: HashMap<(&'static str, String), (u64, Arc<str>)>,
}

impl Looker {
    fn look(&mut self) -> Arc<Look> {
        self.number += 1;
        let totals = self.registry.totals();
        let mut items = Vec::new();
        let breakers: HashMap<_, _> = totals.breakers.iter().map(|of| (of.name, of)).collect();
        for breaker in self.registry.breakers() {
            if let Some(totals) = breakers.get(&breaker.name()) {
                let shown = circuit(&breaker, totals);
                items.push(self.item("circuits", &breaker.name(), &shown));
            }
        }
        let limits: HashMap<_, _> = totals.rate_limits.iter().map(|of| (of.name, of)).collect();
        for limit in self.registry.rate_limits() {
            let rejected = limits
                .get(&limit.name())
                .map_or(0, |of: &&LimitTotals| of.rejected);
            let shown = LiveLimit {
                name: limit.name().to_string(),
                limit: limit.status(),
                rejected,
            };
            items.push(self.item("limits", &limit.name(), &shown));
        }
        let bulkheads: HashMap<_, _> = totals.bulkheads.iter().map(|of| (of.name, of)).collect();
        for bulkhead in self.registry.bulkheads() {
            let of = bulkheads.get(&bulkhead.name());
            let shown = LivePlaces {
                name: bulkhead.name().to_string(),
                places: bulkhead.status(),
                rejected: of.map_or(0, |of: &&BulkheadTotals| of.rejected),
            };
            items.push(self.item("bulkheads", &bulkhead.name(), &shown));
        }
        Arc::new(Look {
            number: self.number,
            now: rfc3339(SystemTime::now()),
            items,
        })
    }

    fn item(&mut self, list: &'static str, name: &str, shown: &impl Serialize) -> Item {
        let json = serde_json::to_string(shown).unwrap_or_default();
        let known = self.before.entry((list, name.to_owned())).or_default();
        if *known.1 != *json {
            *known = (self.number, json.into());
        }
        Item {
            list,
            since: known.0,
            json: known.1.clone(),
        }
    }
}

impl Hub {
    pub(super) fn new(registry: Registry) -> Self {
        Self {
            registry,
            looks: Mutex::default(),
            watchers: Arc::default(),
        }
    }

    /// Joins those who watch; the first begins the looking.
    fn watch(&self) -> watch::Receiver<Arc<Look>> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*looks
            && known.has_changed().is_ok()
        {
            return known.clone();
        }
        let mut looker = Looker {
            registry: self.registry.clone(),
            number: 0,
            before: HashMap::new(),
        };
        let (tell, receiver) = watch::channel(looker.look());
        *looks = Some(receiver.clone());
        let watchers = self.watchers.clone();
        tokio::spawn(async move {
            let mut ticks = interval(PAUSE);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            loop {
                ticks.tick().await;
                // Whoever joins while this ends begins another.
                if watchers.load(Ordering::Acquire) == 0 {
                    break;
                }
                tell.send_replace(looker.look());
            }
        });
        receiver
    }
}

/// One of those who watch.
struct Watcher {
    looks: watch::Receiver<Arc<Look>>,
    /// The last look that it was sent, and the last event.
    sent: u64,
    told: u64,
    _seat: Seat,
}

struct Seat(Arc<AtomicUsize>);

impl Seat {
    fn take(watchers: &Arc<AtomicUsize>) -> Option<Self> {
        let taken = watchers.fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| {
            (taken < MOST).then_some(taken + 1)
        });
        taken.ok().map(|_| Self(watchers.clone()))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Watcher {
    /// What has changed since it was sent something.
    fn news(&mut self) -> String {
        let look = self.looks.borrow_and_update().clone();
        let mut text = String::from("{");
        let _ = write!(text, r#""now":"{}""#, look.now);
        for list in ["circuits", "limits", "bulkheads"] {
            let _ = write!(text, r#","{list}":["#);
            let changed = look.items.iter();
            let changed = changed.filter(|item| item.list == list && item.since > self.sent);
            for (number, item) in changed.enumerate() {
                text.push_str(if number == 0 { "" } else { "," });
                text.push_str(&item.json);
            }
            text.push(']');
        }
        let events = recent::all(self.told);
        self.told = events.last().map_or(self.told, |(number, _)| *number);
        let events: Vec<_> = events
            .iter()
            .map(|(_, event)| Happened::of(event))
            .collect();
        let events = serde_json::to_string(&events).unwrap_or_default();
        let _ = write!(text, r#","events":{events}}}"#);
        self.sent = look.number;
        text
    }
}

type Next = Pin<Box<dyn Future<Output = Option<(Watcher, String)>> + Send>>;

/// The news of one watcher, as a stream: at once, then at each look.
struct News(Option<Next>);

impl News {
    fn next(mut watcher: Watcher) -> Next {
        Box::pin(async move {
            if watcher.sent > 0 {
                watcher.looks.changed().await.ok()?;
            }
            let news = watcher.news();
            Some((watcher, news))
        })
    }
}

impl Stream for News {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(next) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let Poll::Ready(come) = next.as_mut().poll(context) else {
            return Poll::Pending;
        };
        self.0 = None;
        Poll::Ready(come.map(|(watcher, news)| {
            self.0 = Some(Self::next(watcher));
            Ok(Event::default().data(news))
        }))
    }
}

pub(super) async fn stream(State(desk): State<Shared>) -> Response {
    let Some(seat) = Seat::take(&desk.live.watchers) else {
        let error = "as many watch as may; try again when somebody has left";
        let mut response = refused(StatusCode::SERVICE_UNAVAILABLE, error);
        let later = HeaderValue::from_static("10");
        response.headers_mut().insert(RETRY_AFTER, later);
        return response;
    };
    let watcher = Watcher {
        looks: desk.live.watch(),
        sent: 0,
        told: 0,
        _seat: seat,
    };
    let news = News(Some(News::next(watcher)));
    let sse = Sse::new(news).keep_alive(KeepAlive::default());
    ([("x-accel-buffering", "no")], sse).into_response()
}
