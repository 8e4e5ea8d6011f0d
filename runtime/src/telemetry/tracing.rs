//! Events as `tracing` writes them, on targets that begin with `steadfast`.

use steadfast_options::Name;

use super::lines::Written;
use super::{Event, Line, Lines, Weight};
use crate::breaker::{State, StateChange};
use crate::config::Fault;
use crate::rejection::Rejection;
#[cfg(feature = "config")]
use crate::setup::ConfigStatus;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::{Level, debug, enabled, error, info, trace, warn};

/// Whether somebody may take lines of this weight.
#[inline]
pub(super) fn takes(weight: Weight) -> bool {
    let level = match weight {
        Weight::Debug => LevelFilter::DEBUG,
        Weight::Info => LevelFilter::INFO,
    };
    level <= STATIC_MAX_LEVEL && level <= LevelFilter::current()
}

pub(super) fn write(event: &Event<'_>) {
    match event {
        Event::Transition { .. } | Event::Failure { .. } | Event::Probe { .. } => breaker(event),
        Event::Retry { .. }
        | Event::Recovered { .. }
        | Event::Exhausted { .. }
        | Event::BudgetSpent { .. } => retry(event),
        Event::Rejected {
            call,
            rejection,
            lines,
        } => {
            if enabled!(target: "steadfast::call", Level::INFO) {
                rejected(*call, rejection, lines);
            }
        }
        Event::WouldReject { call, rejection } => would_reject(*call, rejection),
        Event::Fallback { call, lines } => {
            if let Some(Written { left_out }) = lines.take(Line::Fallback) {
                info!(target: "steadfast::call", %call, left_out, "fallback");
            }
        }
        Event::Served { call, served } => {
            trace!(target: "steadfast::cache", %call, answer = ?served, "served");
        }
        Event::Refreshed { call, succeeded } => refreshed(*call, *succeeded),
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
        Event::AnswersAlone { .. } | Event::NotShared { .. } => answers(event),
        Event::Conflict(conflict) => error!(target: "steadfast::registry", "{conflict}"),
        Event::BadVariable(fault) => bad_variable(fault),
        #[cfg(feature = "config")]
        Event::Configured(status) => configured(status),
        Event::TooManyKeys { breaker, most } => warn!(
            target: "steadfast::breaker",
            %breaker,
            "{most} keys are in use; calls of further keys run unguarded",
        ),
        Event::SharedAlone { breaker } => warn!(
            target: "steadfast::breaker",
            %breaker,
            "it is to be shared, but no setup names a Redis: it is local to this process",
        ),
        #[cfg(feature = "redis")]
        Event::RedisLost { server, reason } => warn!(
            target: "steadfast::redis",
            server,
            %reason,
            "redis is away; what is shared goes by local counts until it is back",
        ),
        #[cfg(feature = "redis")]
        Event::RedisBack { server } => info!(target: "steadfast::redis", server, "redis is there"),
        #[cfg(feature = "redis")]
        Event::RedisRefused {
            breaker,
            key,
            code,
            message,
        } => error!(
            target: "steadfast::redis",
            %breaker,
            key,
            code,
            message,
            "redis refuses this breaker, which is local until that is mended; nothing was deleted",
        ),
        Event::LimitAlone { .. }
        | Event::LimiterLost { .. }
        | Event::LimiterBack { .. }
        | Event::AccountRefused { .. } => limiter(event),
        Event::TooManyNames { name, most } => warn!(
            target: "steadfast::registry",
            %name,
            "the registry keeps at most {most} names; this one is not shared",
        ),
    }
}

#[cold]
#[inline(never)]
fn refreshed(call: Name, succeeded: bool) {
    if succeeded {
        debug!(target: "steadfast::cache", %call, "refreshed");
    } else {
        warn!(target: "steadfast::cache", %call, "refresh failed; the old answer stays");
    }
}

#[cold]
#[inline(never)]
fn rejected(call: Name, rejection: &Rejection, lines: &Lines) {
    if let Some(Written { left_out }) = lines.take(Line::Rejected) {
        info!(target: "steadfast::call", %call, %rejection, left_out, "rejected");
    }
}

#[cold]
#[inline(never)]
fn would_reject(call: Option<(Name, &Lines)>, rejection: &Rejection) {
    let written = call.map_or(Some(Written { left_out: None }), |(_, lines)| {
        lines.take(Line::WouldReject)
    });
    if let Some(Written { left_out }) = written {
        let call = call.map(|(call, _)| tracing::field::display(call));
        info!(target: "steadfast::call", call, %rejection, left_out, "would be rejected");
    }
}

#[cold]
#[inline(never)]
fn bad_variable(fault: &Fault) {
    warn!(target: "steadfast::config", "ignored: {fault}");
}

#[cfg(feature = "config")]
#[cold]
#[inline(never)]
fn configured(status: &ConfigStatus) {
    let (loaded, failed) = (status.loaded, status.failed);
    match &status.error {
        Some(fault) => error!(target: "steadfast::config", loaded, failed, "refused: {fault}"),
        None => {
            info!(target: "steadfast::config", loaded, failed, "loaded");
            let warnings = status.warnings.iter();
            warnings.for_each(|warning| warn!(target: "steadfast::config", "{warning}"));
        }
    }
}

/// On a target of their own, in words that operators have alerts for.
#[cold]
#[inline(never)]
fn limiter(event: &Event<'_>) {
    match event {
        Event::LimiterLost { store } => warn!(
            target: "app.rate_limit",
            server = store,
            "redis rate limiter unavailable; using in-memory fallback",
        ),
        Event::LimiterBack { store } => info!(
            target: "app.rate_limit",
            server = store,
            "redis rate limiter recovered; primary enforcement resumed",
        ),
        Event::LimitAlone { name } => warn!(
            target: "steadfast::rate_limit",
            %name,
            "it is to be shared, but no setup names a Redis: it is local to this process",
        ),
        Event::AccountRefused { limit, key } => error!(
            target: "steadfast::rate_limit",
            %limit,
            key,
            "redis keeps something else under the key of this limit; it holds in memory until that is gone",
        ),
        _ => {}
    }
}

#[cfg(feature = "redis")]
#[cold]
#[inline(never)]
fn answers(event: &Event<'_>) {
    match event {
        Event::AnswersAlone { call } => warn!(
            target: "steadfast::cache",
            %call,
            "its answers are to be kept in redis, but no setup names one: they are kept in this process",
        ),
        Event::NotShared { call, error, lines } => {
            if let Some(Written { left_out }) = lines.take(Line::NotShared) {
                warn!(target: "steadfast::cache", %call, error, left_out, "an answer is not shared through redis");
            }
        }
        _ => {}
    }
}

fn breaker(event: &Event<'_>) {
    match event {
        Event::Transition { breaker, change } => {
            let StateChange {
                from,
                to,
                open_for,
                key,
                cause,
                ..
            } = change;
            let (open_for, key) = (open_for.map(tracing::field::debug), key.as_deref());
            let (error, cause) = (cause.error(), cause.as_str());
            if *to == State::Open {
                warn!(target: "steadfast::breaker", %breaker, key, %from, %to, open_for, cause, error, "state changed");
            } else {
                info!(target: "steadfast::breaker", %breaker, key, %from, %to, cause, "state changed");
            }
        }
        Event::Failure {
            breaker,
            failures,
            threshold: Some(threshold),
        } => {
            debug!(target: "steadfast::breaker", %breaker, "failure {failures}/{threshold}");
        }
        Event::Failure {
            breaker,
            failures,
            threshold: None,
        } => {
            debug!(target: "steadfast::breaker", %breaker, "failure {failures}");
        }
        Event::Probe {
            breaker,
            out,
            places,
        } => {
            debug!(target: "steadfast::breaker", %breaker, "probe {out}/{places}");
        }
        _ => {}
    }
}

#[cfg(feature = "redis")]
#[cold]
#[inline(never)]
fn queue(event: &Event<'_>) {
    match event {
        Event::Queued { queue, id, spooled } => {
            debug!(target: "steadfast::queue", %queue, id, spooled, "queued");
        }
        Event::Unspooled { queue, id } => {
            debug!(target: "steadfast::queue", %queue, id, "moved from the spool to redis");
        }
        Event::Torn { queue } => warn!(
            target: "steadfast::queue",
            %queue,
            "a line of the spool is torn: it was never acknowledged",
        ),
        Event::NotQueued { call, error } => {
            warn!(target: "steadfast::queue", %call, %error, "not queued");
        }
        Event::Delivered {
            queue,
            id,
            attempts,
        } => debug!(target: "steadfast::queue", %queue, id, attempts, "delivered"),
        Event::PutOff {
            queue,
            id,
            after,
            class,
            error,
        } => info!(target: "steadfast::queue", %queue, id, ?after, class, error, "put off"),
        Event::Dead {
            queue,
            id,
            class,
            error,
        } => error!(target: "steadfast::queue", %queue, id, class, error, "dead letter"),
        Event::Claimed { queue, id } => {
            info!(target: "steadfast::queue", %queue, id, "taken over from a worker that is gone");
        }
        Event::Unreadable { what, error } => {
            error!(target: "steadfast::queue", what, error, "can't be read any more");
        }
        _ => {}
    }
}

fn retry(event: &Event<'_>) {
    match event {
        Event::Retry {
            call,
            attempt,
            delay,
            class,
            error,
            lines,
        } => {
            if let Some(Written { left_out }) = lines.take(Line::Retry) {
                warn!(target: "steadfast::retry", %call, attempt, ?delay, %class, %error, left_out, "retry");
            }
        }
        Event::Recovered {
            call,
            attempts,
            lines,
        } => {
            if let Some(Written { left_out }) = lines.take(Line::Recovered) {
                info!(target: "steadfast::retry", %call, attempts, left_out, "retry.recovered");
            }
        }
        Event::Exhausted {
            call,
            attempts,
            class,
            error,
            lines,
        } => {
            if let Some(Written { left_out }) = lines.take(Line::Exhausted) {
                error!(target: "steadfast::retry", %call, attempts, %class, %error, left_out, "retry.exhausted");
            }
        }
        Event::BudgetSpent {
            call,
            attempts,
            class,
            error,
            lines,
        } => {
            if let Some(Written { left_out }) = lines.take(Line::BudgetSpent) {
                warn!(target: "steadfast::retry", %call, attempts, %class, %error, left_out, "retry.budget_spent");
            }
        }
        _ => {}
    }
}
