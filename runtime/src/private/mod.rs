//! What the attribute's expansion calls. Not for use by hand: it changes without notice.

mod answer;
mod behind;
mod key;
pub mod key_text;
mod outcome;
pub mod probe;
mod replay;
pub mod share;
mod with_redis;

pub use crate::with_redis;
pub use inventory::submit;
pub use steadfast_options as options;

pub use answer::{answer, answer_now};
pub use behind::{behind, behind_blocking, lasting};
pub use key::{KeyValue, answer_key};
pub use key_text::KeyText;
pub use outcome::{Outcome, TakesRejection, attempts_of};
pub use probe::Probe;
pub use replay::Replay;

pub use crate::answers::{Found, Lease, find, find_blocking, keep, last_good};
pub use crate::call::{Attempt, Call, Once, Refusal, View};
pub use crate::classify::Class;
#[cfg(feature = "redis")]
pub use crate::outbox::{enqueue, enqueue_blocking, queueable};
pub use crate::policy::PolicyRef;
pub use crate::site::{Site, SiteEntry};
