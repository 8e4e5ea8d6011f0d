//! Answers that instances share through Redis, with memory in front (feature `redis`).
//!
//! ```text
//! form   how an answer becomes JSON, and comes back
//! key    what a key is called beyond this process
//! shelf  where the answers of one call are: what is told, asked, counted and reported of them
//! find   from a key to an answer, or to leave to make the call, in the whole fleet
//! kept   the last good answer of the fleet
//! ```

mod find;
mod form;
mod kept;
mod key;
mod shelf;

pub use find::{find_shared, find_shared_blocking, look};
use form::Form;
pub use form::form;
pub use kept::{keep_shared, last_good_shared, last_good_shared_blocking};
use key::SharedKey;
pub use key::shared_key;
pub(super) use shelf::{Afar, Kind, Shelf, Spot};
