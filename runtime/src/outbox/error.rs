//! What may go wrong with a queue.

use std::io;

use steadfast_options::Name;

use crate::shared::link::LinkError;

/// Why a queue can't do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutboxError {
    /// No setup has named a Redis.
    #[error(
        "queue {queue} has no Redis to be kept in; name one with `steadfast::setup().redis(\"redis://…\")`"
    )]
    NoRedis {
        /// The queue.
        queue: String,
    },
    /// That is no name.
    #[error("{0}")]
    BadName(String),
    /// Redis did not say that it has done it. An entry that was pushed may be in the queue all the
    /// same, where the answer was lost.
    #[error("queue {queue}: Redis is unavailable: {reason}")]
    Unavailable {
        /// The queue.
        queue: Name,
        /// What the connection or Redis says.
        reason: String,
    },
    /// The entry can't be written as JSON.
    #[error("queue {queue}: the entry can't be written as JSON: {error}")]
    Unwritable {
        /// The queue.
        queue: Name,
        /// Why not.
        error: String,
    },
    /// The entry is larger than a queue takes.
    #[error(
        "queue {queue}: an entry of {bytes} bytes is over the limit of {most}; keep what is large elsewhere, \
         and push a reference to it"
    )]
    TooLarge {
        /// The queue.
        queue: Name,
        /// Its size as JSON.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// The spool can't be written.
    #[error("queue {queue}: the spool: {error}")]
    Spool {
        /// The queue.
        queue: Name,
        /// What the operating system says.
        #[source]
        error: io::Error,
    },
}

impl OutboxError {
    pub(super) fn unavailable(queue: Name, error: &LinkError) -> Self {
        Self::Unavailable {
            queue,
            reason: error.to_string(),
        }
    }
}
