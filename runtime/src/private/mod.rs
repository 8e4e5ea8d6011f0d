//! What the attribute's expansion calls. Not for use by hand: it changes without notice.

mod answer;
mod behind;
mod key;
pub mod key_text;
pub mod lasting;
mod outcome;
pub mod probe;
mod replay;
pub mod share;
mod with_redis;

pub use crate::with_redis;
pub use inventory::submit;

pub use answer::{answer, answer_now};
pub use behind::{behind, behind_blocking};
pub use key::{KeyValue, answer_key};
pub use key_text::KeyText;
pub use outcome::{Attempts, Outcome, TakesRejection, attempts_of, hint, refused};
pub use replay::Replay;

pub use crate::answers::{Found, Lease, find, find_blocking, keep, last_good};
#[cfg(feature = "redis")]
pub use crate::answers::{
    find_shared, find_shared_blocking, form, keep_shared, last_good_shared,
    last_good_shared_blocking, look, shared_key,
};
pub use crate::call::{Attempt, Call, Look, Refusal, Refuse, View, no_retry};
pub use crate::classify::Class;
#[cfg(feature = "redis")]
pub use crate::outbox::{enqueue, enqueue_blocking, queueable};
pub use crate::policy::PolicyRef;
pub use crate::site::{Site, SiteEntry};
