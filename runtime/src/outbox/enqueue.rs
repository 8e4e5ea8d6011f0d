//! The fallback that keeps the work of a call which failed.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use steadfast_options::{FallbackKind, defaults};

use super::entry::Entry;
use super::queue::Queue;
use super::spool::Spool;
use super::{OutboxError, fresh_id, inside};
use crate::call::Call;
use crate::policy::Resolved;
use crate::registry::Registry;
use crate::rejection::Rejection;
use crate::telemetry::{Event, report};

/// An argument that a queue can keep.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be queued, since it is not `serde::Serialize`",
    label = "`kind = \"queue\"` keeps the arguments of the call",
    note = "derive `Serialize` for it, or call a function inside this one that takes only what is to be kept"
)]
pub trait Queueable: Serialize {}

#[diagnostic::do_not_recommend]
impl<A: Serialize + ?Sized> Queueable for A {}

/// An argument as it is kept, or why it can't be.
pub struct Argument(Result<String, String>);

/// Writes an argument down. All else takes what this gives, so that one that can't be kept is one error.
pub fn queueable<A: Queueable + ?Sized>(argument: &A) -> Argument {
    Argument(serde_json::to_string(argument).map_err(|error| error.to_string()))
}

/// One argument as itself, several as a tuple.
fn together(arguments: impl IntoIterator<Item = Argument>) -> Result<String, String> {
    let each: Result<Vec<String>, String> = arguments.into_iter().map(|one| one.0).collect();
    Ok(match &mut each?[..] {
        [] => "null".into(),
        [one] => std::mem::take(one),
        several => format!("[{}]", several.join(",")),
    })
}

/// Where the work of a call goes.
struct Target {
    queue: Arc<Queue>,
    spool: Option<Arc<Spool>>,
    entry: Entry,
}

/// Queues the arguments of a call that failed; none where that can't be done, which is reported: the
/// caller then gets the call's own error.
pub fn enqueue<const N: usize>(
    call: &Call<'static>,
    arguments: [Argument; N],
) -> impl Future<Output = Option<Rejection>> + use<N> {
    let (policy, target) = (call.policy_ref(), target(call, arguments));
    async move {
        let pushed = match target? {
            Ok(Target {
                queue,
                spool,
                entry,
            }) => queue.push(entry, spool.as_deref()).await,
            Err(error) => Err(error),
        };
        queued(policy.resolved(), pushed)
    }
}

/// As [`enqueue`], for a sync function, which parks.
pub fn enqueue_blocking<const N: usize>(
    call: &Call<'_>,
    arguments: [Argument; N],
) -> Option<Rejection> {
    let pushed = match target(call, arguments)? {
        Ok(Target {
            queue,
            spool,
            entry,
        }) => queue.push_blocking(entry, spool.as_deref()),
        Err(error) => Err(error),
    };
    queued(call.policy(), pushed)
}

fn queued(policy: &Resolved, pushed: Result<String, OutboxError>) -> Option<Rejection> {
    match pushed {
        Ok(id) => {
            policy.report_fallback();
            Some(Rejection::Queued { id })
        }
        Err(error) => {
            report(&Event::NotQueued {
                call: policy.name,
                error: &error,
            });
            None
        }
    }
}

/// None where the fallback is off: inside a worker.
fn target(
    call: &Call<'_>,
    arguments: impl IntoIterator<Item = Argument>,
) -> Option<Result<Target, OutboxError>> {
    let policy = call.policy();
    let fallback = policy.patch.fallback?;
    let kind = fallback.kind.unwrap_or(defaults::fallback::kind);
    if kind != FallbackKind::Queue || inside::is_inside() {
        return None;
    }
    let name = fallback.queue?;
    let made = || {
        let registry = Registry::current();
        let queue = registry.queue(name).ok_or_else(|| OutboxError::NoRedis {
            queue: name.to_string(),
        })?;
        let spool = fallback.spool.map(|folder| {
            let opened = queue.spool(Path::new(folder.as_str()));
            opened.map_err(|error| OutboxError::Spool { queue: name, error })
        });
        let data = together(arguments);
        let data = data.map_err(|error| OutboxError::Unwritable { queue: name, error })?;
        let entry = Entry {
            id: fresh_id(),
            key: call.idempotency_key().to_string(),
            call: policy.name.to_string(),
            attempts: 0,
            data,
        };
        Ok(Target {
            spool: spool.transpose()?,
            queue,
            entry,
        })
    };
    Some(made())
}
