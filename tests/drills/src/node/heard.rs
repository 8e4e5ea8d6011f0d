//! The library's own events, with the time at which each was reported.

use std::fmt::{Debug, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::times::now;

/// An event.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Heard {
    /// When.
    pub at: u64,
    /// What part of the library speaks.
    pub target: String,
    /// Its text.
    pub message: String,
    /// The new state, of a transition; else empty.
    pub to: String,
    /// The breaker it is about; else empty.
    pub breaker: String,
}

static HEARD: Mutex<Vec<Heard>> = Mutex::new(Vec::new());

/// Begins to collect them.
pub(super) fn listen() {
    // A program that has another listener has none of these events; a node has none.
    let _ = tracing::subscriber::set_global_default(Listener);
}

/// Those since the last time.
pub(super) fn take() -> Vec<Heard> {
    std::mem::take(&mut heard())
}

fn heard() -> MutexGuard<'static, Vec<Heard>> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Listener;

impl Subscriber for Listener {
    /// Of a refused call there may be a million.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let target = metadata.target();
        let wanted = [
            "steadfast::breaker",
            "steadfast::redis",
            "steadfast::registry",
        ];
        wanted.contains(&target) && *metadata.level() <= Level::INFO
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut new = Heard {
            at: now(),
            target: event.metadata().target().to_owned(),
            message: String::new(),
            to: String::new(),
            breaker: String::new(),
        };
        event.record(&mut new);
        heard().push(new);
    }
}

impl Visit for Heard {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = match field.name() {
            "message" => &mut self.message,
            "to" => &mut self.to,
            "breaker" => &mut self.breaker,
            _ => return,
        };
        let _ = write!(text, "{value:?}");
    }
}
