//! Where the answers of one call are in Redis: what is told, asked, counted and reported of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use steadfast_options::Name;

use super::Form;
use crate::answers::{Answer, Answerable, Erased};
use crate::breaker::Nanos;
use crate::cells::Counters;
use crate::registry::Registry;
use crate::shared::answers::{AnswerStore, FORMAT, Failure, FleetLease, Kept, Reply, Write};
use crate::telemetry::{Event, Lines, report};

/// What answers are kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::answers) enum Kind {
    Cache,
    LastGood,
}

impl Kind {
    /// As it stands in keys.
    fn word(self) -> &'static str {
        match self {
            Self::Cache => "ca",
            Self::LastGood => "lg",
        }
    }
}

/// The answers of one call.
pub(in crate::answers) struct Shelf {
    call: Name,
    kind: Kind,
    lines: Lines,
    /// Whether it was said that there is no Redis.
    told_alone: AtomicBool,
    counts: Counters<2>,
}

const FETCHED: usize = 0;
const FAILED: usize = 1;

impl Shelf {
    pub(in crate::answers) fn new(call: Name, kind: Kind) -> Arc<Self> {
        Arc::new(Self {
            call,
            kind,
            lines: Lines::default(),
            told_alone: AtomicBool::new(false),
            counts: Counters::new(),
        })
    }

    /// Answers that another instance had kept.
    pub(in crate::answers) fn fetched(&self) -> u64 {
        self.counts.sum(FETCHED)
    }

    /// Answers that Redis did not give, or was not told.
    pub(in crate::answers) fn failed(&self) -> u64 {
        self.counts.sum(FAILED)
    }

    /// The place of a key; none where there is no Redis, which is said once, or the key has no text.
    pub(super) fn spot<T: 'static>(
        self: &Arc<Self>,
        text: Result<Box<str>, String>,
        form: Form<T>,
    ) -> Option<Spot<T>> {
        let Some(fleet) = Registry::current().fleet() else {
            if !self.told_alone.swap(true, Ordering::Relaxed) {
                report(&Event::AnswersAlone { call: self.call });
            }
            return None;
        };
        let text = text.map_err(|error| self.failed_by(Failure::This(error)));
        let store = fleet.answers().clone();
        let of_type = std::any::type_name::<T>();
        Some(Spot {
            key: store.key(self.kind.word(), self.call, of_type, &text.ok()?),
            shelf: self.clone(),
            store,
            form,
        })
    }

    /// Counts and reports that an answer was not told, or not given.
    fn failed_by(&self, failure: Failure) {
        self.counts.bump(FAILED);
        if let Failure::This(error) = failure {
            report(&Event::NotShared {
                call: self.call,
                error: &error,
                lines: &self.lines,
            });
        }
    }
}

/// The place of one key's answer.
pub(in crate::answers) struct Spot<T> {
    store: Arc<AnswerStore>,
    shelf: Arc<Shelf>,
    key: Box<str>,
    form: Form<T>,
}

impl<T: Answerable> Spot<T> {
    /// None where Redis is away, or refuses.
    pub(super) async fn ask(&self, fresh: Option<Nanos>) -> Option<Reply> {
        let reply = self.store.ask(&self.key, fresh).await;
        self.heard(reply)
    }

    pub(super) fn ask_blocking(&self, fresh: Option<Nanos>) -> Option<Reply> {
        let reply = self.store.ask_blocking(&self.key, fresh);
        self.heard(reply)
    }

    fn heard(&self, reply: Result<Reply, Failure>) -> Option<Reply> {
        let failed = |failure| self.shelf.failed_by(failure);
        reply.map_err(failed).ok()
    }

    pub(super) async fn pause(&self, time: Duration) {
        self.store.pause(time).await;
    }

    /// What was kept when it was asked at `asked`; none where it can't be read any more.
    pub(super) fn read(&self, kept: &Kept, asked: Nanos) -> Option<Arc<Answer>> {
        let value = if kept.format == FORMAT {
            (self.form.decode)(&kept.data)
        } else {
            Err(format!(
                "it is in format {:?}, of another version",
                kept.format
            ))
        };
        match value {
            Ok(value) => {
                let weight = (self.form.weigh)(&value);
                let at = asked.saturating_sub(kept.age);
                Some(Answer::came(at, value, weight))
            }
            Err(error) => {
                report(&Event::Unreadable {
                    what: &self.shelf.call,
                    error: &error,
                });
                None
            }
        }
    }

    /// Counts an answer that comes from another instance.
    pub(super) fn took(&self) {
        self.shelf.counts.bump(FETCHED);
    }

    /// Tells an answer, behind the caller.
    pub(super) fn put(self, answer: Arc<Answer>, lives: Nanos) {
        self.with(None, lives).put(answer);
    }

    /// Where an answer goes that is fetched under this lease.
    pub(super) fn with(self, lease: Option<FleetLease>, lives: Nanos) -> Afar {
        Afar {
            store: self.store,
            shelf: self.shelf,
            key: self.key,
            encode: self.form.encode,
            lives,
            lease,
        }
    }
}

/// Where an answer goes, whatever its type. Dropped, it gives the lease back.
pub(in crate::answers) struct Afar {
    store: Arc<AnswerStore>,
    shelf: Arc<Shelf>,
    key: Box<str>,
    encode: fn(&Erased) -> Result<Vec<u8>, String>,
    /// How long the answer is of use.
    lives: Nanos,
    lease: Option<FleetLease>,
}

impl Afar {
    pub(in crate::answers) fn put(self, answer: Arc<Answer>) {
        let Self {
            store,
            shelf,
            key,
            encode,
            lives,
            lease,
        } = self;
        let write = Write {
            at: answer.at,
            lives,
            encode: Box::new(move || encode(&answer.value)),
            lease,
            failed: Box::new(move |failure| shelf.failed_by(failure)),
        };
        store.put(key, write);
    }
}
