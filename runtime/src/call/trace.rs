//! A span for each call, where a subscriber wants it, with an event for each attempt.
//!
//! A call that is traced goes the long way to its body, and every poll of the body runs inside the
//! span. Whether anybody wants spans is one flag, which the subscriber's own filter sets: calls that
//! nobody traces pay for looking at it.

use std::fmt::Display;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::callsite::{Callsite, Identifier};
use tracing::field::FieldSet;
use tracing::metadata::Kind;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Span, debug, debug_span, field};

use super::Call;
use crate::tally::Ended;

/// Where spans and the events in them are, apart from the lines of the log.
const TARGET: &str = "steadfast::span";

static WANTED: AtomicBool = AtomicBool::new(false);

/// Hears from every subscriber whether it wants spans, now and when filters change.
struct Probe;

static PROBE: Probe = Probe;
static METADATA: Metadata<'static> = Metadata::new(
    "call",
    TARGET,
    Level::DEBUG,
    None,
    None,
    None,
    FieldSet::new(&[], Identifier(&PROBE)),
    Kind::SPAN,
);

impl Callsite for Probe {
    fn set_interest(&self, interest: Interest) {
        WANTED.store(!interest.is_never(), Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        &METADATA
    }
}

/// Begins to hear of subscribers, those that are there already among them.
pub(crate) fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| tracing::callsite::register(&PROBE));
}

#[inline]
pub(super) fn is_wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

/// The span of a call.
pub(super) struct Trace {
    span: Span,
    entered: bool,
}

impl Trace {
    fn enter(&mut self) {
        if !std::mem::replace(&mut self.entered, true) {
            self.span
                .with_subscriber(|(id, dispatch)| dispatch.enter(id));
        }
    }

    fn leave(&mut self) {
        if std::mem::take(&mut self.entered) {
            self.span
                .with_subscriber(|(id, dispatch)| dispatch.exit(id));
        }
    }
}

impl Drop for Trace {
    /// Entered still: the body panicked.
    fn drop(&mut self) {
        self.leave();
    }
}

impl Call<'_> {
    /// Begins the span, where one is wanted.
    #[inline]
    pub(super) fn begin_trace(&mut self) {
        if is_wanted() {
            self.begin_span();
        }
    }

    #[cold]
    #[inline(never)]
    fn begin_span(&mut self) {
        let span = debug_span!(
            target: TARGET,
            "call",
            otel.name = %self.policy.name,
            otel.kind = "client",
            otel.status_code = field::Empty,
            error.type = field::Empty,
            steadfast.call = %self.policy.name,
            steadfast.attempts = field::Empty,
            steadfast.result = field::Empty,
        );
        if !span.is_disabled() {
            let entered = false;
            self.more().trace = Some(Trace { span, entered });
            self.traced = true;
        }
    }

    /// The body is about to run.
    #[inline]
    pub(super) fn enter_trace(&mut self) {
        if self.traced
            && let Some(trace) = self.more().trace.as_mut()
        {
            trace.enter();
        }
    }

    /// The body is pending, or over.
    #[inline]
    pub(super) fn leave_trace(&mut self) {
        if self.traced
            && let Some(trace) = self.more().trace.as_mut()
        {
            trace.leave();
        }
    }

    /// An attempt ended.
    #[inline]
    pub(super) fn trace_attempt(&mut self, ended: Ended, error: Option<&dyn Display>) {
        if self.traced {
            self.tell_attempt(ended, error);
        }
    }

    /// The body gave a value, and the call ended so.
    #[inline]
    pub(super) fn trace_success(&mut self) {
        if self.traced {
            self.tell_attempt(Ended::Ok, None);
            self.end_span(Ended::Ok);
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_attempt(&mut self, ended: Ended, error: Option<&dyn Display>) {
        self.leave_trace();
        let attempt = self.around.attempt;
        if let Some(trace) = &self.more().trace {
            let (span, error) = (&trace.span, error.map(field::display));
            debug!(
                target: TARGET,
                parent: span,
                {
                    steadfast.attempt = attempt,
                    steadfast.result = ended.as_str(),
                    exception.message = error
                },
                "attempt"
            );
        }
    }

    /// The call ended.
    #[inline]
    pub(super) fn end_trace(&mut self, ended: Ended) {
        if self.traced {
            self.end_span(ended);
        }
    }

    #[cold]
    #[inline(never)]
    fn end_span(&mut self, ended: Ended) {
        let attempts = self.around.attempt;
        self.traced = false;
        let Some(trace) = self.more().trace.take() else {
            return;
        };
        let (span, result) = (&trace.span, ended.as_str());
        span.record("steadfast.attempts", attempts);
        span.record("steadfast.result", result);
        // An answer in the form of an error is an answer.
        if matches!(result, "ok" | "expected" | "ignored") {
            span.record("otel.status_code", "OK");
        } else {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", result);
        }
    }
}
