//! The events that policies report, as a program that listens to `tracing` sees them.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::sync::Once;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
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

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("steadfast::")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let metadata = event.metadata();
        let mut heard = Event {
            level: *metadata.level(),
            target: metadata.target(),
            message: String::new(),
            fields: Vec::new(),
        };
        event.record(&mut heard);
        for breaker in steadfast::registry().breakers() {
            let _ = breaker.status();
        }
        HEARD.with_borrow_mut(|all| {
            if let Some(all) = all {
                all.push(heard);
            }
        });
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
