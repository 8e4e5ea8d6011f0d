//! An event for listeners, who may keep it.

use super::{Event, EventKind};

#[cold]
#[inline(never)]
#[allow(clippy::too_many_lines)] // an arm for each event, and nothing else
pub(super) fn kind(event: &Event<'_>) -> EventKind {
    match event {
        Event::Transition { breaker, change } => EventKind::StateChanged {
            breaker: *breaker,
            change: (*change).clone(),
        },
        Event::Failure {
            breaker,
            failures,
            threshold,
        } => EventKind::Failure {
            breaker: *breaker,
            failures: *failures,
            threshold: *threshold,
        },
        Event::Probe {
            breaker,
            out,
            places,
        } => EventKind::Probe {
            breaker: *breaker,
            out: *out,
            places: *places,
        },
        Event::Retry { .. }
        | Event::Recovered { .. }
        | Event::Exhausted { .. }
        | Event::BudgetSpent { .. } => retry(event),
        Event::Rejected {
            call, rejection, ..
        } => EventKind::Rejected {
            call: *call,
            rejection: (*rejection).clone(),
        },
        Event::WouldReject { call, rejection } => EventKind::WouldReject {
            call: call.map(|(call, _)| call),
            rejection: (*rejection).clone(),
        },
        Event::Fallback { call, .. } => EventKind::Fallback { call: *call },
        Event::Served { call, served } => EventKind::Served {
            call: *call,
            served: *served,
        },
        Event::Refreshed { call, succeeded } => EventKind::Refreshed {
            call: *call,
            succeeded: *succeeded,
        },
        #[cfg(feature = "redis")]
        Event::Queued { .. }
        | Event::Unspooled { .. }
        | Event::Torn { .. }
        | Event::NotQueued { .. }
        | Event::Delivered { .. }
        | Event::PutOff { .. }
        | Event::Dead { .. }
        | Event::Claimed { .. }
        | Event::Unreadable { .. } => queue(event),
        #[cfg(feature = "redis")]
        Event::AnswersAlone { call } => EventKind::AnswersAlone { call: *call },
        #[cfg(feature = "redis")]
        Event::NotShared { call, error, .. } => EventKind::NotShared {
            call: *call,
            error: (*error).into(),
        },
        Event::Conflict(conflict) => EventKind::Conflict((*conflict).clone()),
        Event::TooManyKeys { breaker, most } => EventKind::TooManyKeys {
            breaker: *breaker,
            most: *most,
        },
        Event::TooManyNames { name, most } => EventKind::TooManyNames {
            name: *name,
            most: *most,
        },
        Event::SharedAlone { breaker } => EventKind::SharedAlone { breaker: *breaker },
        #[cfg(feature = "redis")]
        Event::RedisLost { server, reason } => EventKind::RedisLost {
            server: (*server).into(),
            reason: reason.to_string().into(),
        },
        #[cfg(feature = "redis")]
        Event::RedisBack { server } => EventKind::RedisBack {
            server: (*server).into(),
        },
        #[cfg(feature = "redis")]
        Event::RedisRefused {
            breaker,
            key,
            code,
            message,
        } => EventKind::RedisRefused {
            breaker: *breaker,
            key: (*key).into(),
            message: format!("{code} {message}").into(),
        },
        Event::LimitAlone { .. }
        | Event::LimiterLost { .. }
        | Event::LimiterBack { .. }
        | Event::AccountRefused { .. } => limiter(event),
        Event::BadVariable(fault) => EventKind::BadVariable(fault.to_string().into()),
        #[cfg(feature = "config")]
        Event::Configured(status) => EventKind::Configured((*status).clone()),
    }
}

#[cfg(feature = "redis")]
fn queue(event: &Event<'_>) -> EventKind {
    match *event {
        Event::Queued { queue, id, spooled } => EventKind::Queued {
            queue,
            id: id.into(),
            spooled,
        },
        Event::Unspooled { queue, id } => EventKind::Unspooled {
            queue,
            id: id.into(),
        },
        Event::Torn { queue } => EventKind::Torn { queue },
        Event::NotQueued { call, error } => EventKind::NotQueued {
            call,
            error: error.to_string().into(),
        },
        Event::Delivered {
            queue,
            id,
            attempts,
        } => EventKind::Delivered {
            queue,
            id: id.into(),
            attempts,
        },
        Event::PutOff {
            queue,
            id,
            after,
            error,
            ..
        } => EventKind::PutOff {
            queue,
            id: id.into(),
            after,
            error: error.into(),
        },
        Event::Dead {
            queue, id, error, ..
        } => EventKind::Dead {
            queue,
            id: id.into(),
            error: error.into(),
        },
        Event::Claimed { queue, id } => EventKind::Claimed {
            queue,
            id: id.into(),
        },
        Event::Unreadable { what, error } => EventKind::Unreadable {
            what: what.into(),
            error: error.into(),
        },
        _ => unreachable!("only what is about queues comes here"),
    }
}

fn limiter(event: &Event<'_>) -> EventKind {
    match event {
        Event::LimitAlone { name } => EventKind::LimitAlone { name: *name },
        Event::LimiterLost { store } => EventKind::LimiterLost {
            server: (*store).into(),
        },
        Event::LimiterBack { store } => EventKind::LimiterBack {
            server: (*store).into(),
        },
        Event::AccountRefused { limit, key } => EventKind::LimitRefused {
            name: *limit,
            key: (*key).into(),
        },
        _ => unreachable!("only what is about shared limits comes here"),
    }
}

fn retry(event: &Event<'_>) -> EventKind {
    match *event {
        Event::Retry {
            call,
            attempt,
            delay,
            class,
            error,
            ..
        } => EventKind::Retry {
            call,
            attempt,
            delay,
            class,
            error: error.to_string().into(),
        },
        Event::Exhausted {
            call,
            attempts,
            class,
            error,
            ..
        } => EventKind::Exhausted {
            call,
            attempts,
            class,
            error: error.to_string().into(),
        },
        Event::BudgetSpent {
            call,
            attempts,
            class,
            error,
            ..
        } => EventKind::BudgetSpent {
            call,
            attempts,
            class,
            error: error.to_string().into(),
        },
        Event::Recovered { call, attempts, .. } => EventKind::Recovered { call, attempts },
        _ => unreachable!("only what is about retries comes here"),
    }
}
