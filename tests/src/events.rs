//! The events that policies report, as a program that listens to `tracing` sees them.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// How grave it is.
    pub level: Level,
    /// What part of the library speaks.
    pub target: &'static str,
    /// Its text.
    pub message: String,
    fields: Vec<(&'static str, String)>,
}

impl Event {
    /// A field as text; empty where the event has none of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(field, _)| *field == name);
        found.map_or("", |(_, value)| value)
    }
}

/// A span of a call, as a program that wants spans sees it.
#[derive(Clone, Debug, Default)]
pub struct SpanSeen {
    fields: Vec<(&'static str, String)>,
    /// How often it was entered, and how often left.
    pub entered: (usize, usize),
    /// Whether it is over.
    pub closed: bool,
    /// What was told in it, such as its attempts: text and fields.
    pub events: Vec<Event>,
}

impl SpanSeen {
    /// A field as text; empty where it has none of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().rev().find(|(field, _)| *field == name);
        found.map_or("", |(_, value)| value)
    }
}

thread_local! {
    /// Spans by their numbers, where a test wants them.
    static SPANS: RefCell<Option<Vec<SpanSeen>>> = const { RefCell::new(None) };
    static INSIDE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Runs a test and gives the spans of its calls on this thread with its result.
pub async fn listen_for_spans<T>(test: impl Future<Output = T>) -> (T, Vec<SpanSeen>) {
    install();
    SPANS.set(Some(Vec::new()));
    let result = test.await;
    (result, SPANS.take().unwrap_or_default())
}

/// How deep in spans the code is that asks.
#[must_use]
pub fn spans_around() -> usize {
    INSIDE.with_borrow(Vec::len)
}

fn with_span(id: u64, act: impl FnOnce(&mut SpanSeen)) {
    let place = id
        .checked_sub(1)
        .and_then(|place| usize::try_from(place).ok());
    SPANS.with_borrow_mut(|spans| {
        if let (Some(spans), Some(place)) = (spans, place)
            && let Some(span) = spans.get_mut(place)
        {
            act(span);
        }
    });
}

thread_local! {
    static HEARD: RefCell<Option<Vec<Event>>> = const { RefCell::new(None) };
}

/// Runs a test and gives the library's events on this thread with its result.
pub async fn listen<T>(test: impl Future<Output = T>) -> (T, Vec<Event>) {
    install();
    HEARD.set(Some(Vec::new()));
    let result = test.await;
    (result, HEARD.take().unwrap_or_default())
}

const LIMITER: &str = "app.rate_limit";

/// Events of this target come from a thread of the library's own.
fn limiter() -> std::sync::MutexGuard<'static, Vec<Event>> {
    static ALL: std::sync::Mutex<Vec<Event>> = std::sync::Mutex::new(Vec::new());
    ALL.lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Begins to listen to what is said of shared limits, on whatever thread.
pub fn listen_to_limits() {
    install();
}

/// What was said since then of the limits on the server of this port.
#[must_use]
pub fn said_of_limits(port: u16) -> Vec<Event> {
    let said = limiter();
    let here = said.iter().filter(|event| {
        let server = event.field("server").trim_matches('"');
        server.ends_with(&format!(":{port}"))
    });
    here.cloned().collect()
}

/// One listener for the whole process: those of single threads would change, as they come and go,
/// what each place in the code thinks it may skip.
///
/// At each event it asks every breaker for its status, as a dashboard might: what is reported
/// while a lock is held would hang there.
fn install() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        tracing::subscriber::set_global_default(Listener).expect("no other listener is there");
        tracing::callsite::rebuild_interest_cache();
    });
}

struct Listener;

/// Where spans are.
const SPAN: &str = "steadfast::span";

impl Subscriber for Listener {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.target() == SPAN {
            return Interest::sometimes(); // where a test wants them
        }
        if self.enabled(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.target() == SPAN {
            return SPANS.with_borrow(Option::is_some);
        }
        metadata.target().starts_with("steadfast::") || metadata.target() == LIMITER
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut seen = Event::of(attributes.metadata());
        attributes.record(&mut seen);
        SPANS.with_borrow_mut(|spans| {
            let spans = spans.get_or_insert_default();
            spans.push(SpanSeen {
                fields: seen.fields,
                ..SpanSeen::default()
            });
            Id::from_u64(spans.len() as u64)
        })
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        with_span(id.into_u64(), |span| {
            let mut seen = Fields(&mut span.fields);
            values.record(&mut seen);
        });
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, id: &Id) {
        INSIDE.with_borrow_mut(|inside| inside.push(id.into_u64()));
        with_span(id.into_u64(), |span| span.entered.0 += 1);
    }

    fn exit(&self, id: &Id) {
        let left = INSIDE.with_borrow_mut(Vec::pop);
        assert_eq!(left, Some(id.into_u64()), "spans are left in their order");
        with_span(id.into_u64(), |span| span.entered.1 += 1);
    }

    fn try_close(&self, id: Id) -> bool {
        with_span(id.into_u64(), |span| span.closed = true);
        true
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let metadata = event.metadata();
        if metadata.target() == SPAN {
            let mut seen = Event::of(metadata);
            event.record(&mut seen);
            let id = event.parent().map_or(0, Id::into_u64);
            return with_span(id, |span| span.events.push(seen));
        }
        let mut heard = Event::of(metadata);
        event.record(&mut heard);
        for breaker in steadfast::registry().breakers() {
            let _ = breaker.status();
        }
        if heard.target == LIMITER {
            limiter().push(heard.clone());
        }
        HEARD.with_borrow_mut(|all| {
            if let Some(all) = all {
                all.push(heard);
            }
        });
    }
}

impl Event {
    fn of(metadata: &Metadata<'static>) -> Self {
        Self {
            level: *metadata.level(),
            target: metadata.target(),
            message: String::new(),
            fields: Vec::new(),
        }
    }
}

struct Fields<'a>(&'a mut Vec<(&'static str, String)>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

impl Visit for Event {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.fields.push((field.name(), text));
        }
    }
}
