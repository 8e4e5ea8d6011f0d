//! Whether an error can be given to all who waited for one call.
//!
//! Found by the compiler as [`probe`](super::probe) finds the meaning of an error.

pub use crate::answers::{Shared, Sharing, ViaClone, ViaOne};
