//! The one table of options behind [`steadfast`](https://docs.rs/steadfast).
//!
//! Every policy option stands in one table ([`table`]): its name, type, range, default and
//! meaning. From that table come the grammar of `#[resilient]`, the partial policies that all
//! layers merge into ([`Patch`]), and the reference page `OPTIONS.md` ([`reference_page`]).
//! [`validate`] holds the rules between options, and [`worst_case`] what a policy may cost.
//!
//! Users depend on `steadfast`, not on this crate: it is a crate of its own because the
//! attribute needs it at compile time and the runtime needs it at run time.
//!
//! ```
//! use steadfast_options::{Patch, Raw, Setting};
//!
//! let mut patch = Patch::default();
//! patch.set(&Setting::parse("breaker.failures", &Raw::Int(3)).unwrap());
//! assert_eq!(patch.breaker.unwrap().failures, Some(3));
//!
//! let error = Setting::parse("timeout", &Raw::Text("5")).unwrap_err();
//! assert_eq!(error, r#"duration "5" has no unit; did you mean "5ms" or "5s"?"#);
//! ```

mod annotation;
mod duration;
mod folder;
mod in_force;
mod keyword;
mod kind;
mod name;
mod parse;
mod patch;
mod reference;
mod rules;
mod schema;
#[cfg(feature = "serde")]
mod serialize;
mod suggest;
pub mod table;
mod value;
mod worst_case;

pub use annotation::{Annotation, written};
pub use duration::{duration_text, parse_duration};
pub use folder::Folder;
pub use in_force::built_in;
pub use keyword::{
    Algorithm, Counting, FallbackKind, FallbackOn, Guards, Health, Keyword, Mode, Scope, Store,
    Then,
};
pub use kind::{Form, Kind, Raw};
pub use name::Name;
pub use patch::{Merge, Patch, Setting};
pub use reference::reference_page;
pub use rules::{Fault, Flavor, validate};
pub use schema::schema;
pub use suggest::closest;
pub use table::{
    BreakerPatch, BulkheadPatch, CachePatch, CallPatch, DefaultValue, FallbackPatch, OptionMeta,
    POLICIES, Place, PolicyMeta, RateLimitPatch, RetryPatch, Served, defaults,
};
pub use value::{Classes, Factor, Jitter, Ratio, Value, Window};
pub use worst_case::{WorstCase, retry_cap, unjittered_pause, worst_case};
