//! What tells the calls of one function apart.

use std::hash::Hash;

use crate::keys::Key;

/// A value that can be a key.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a key, since it is not `Hash`",
    label = "a key is told from others by its hash",
    note = "derive `Hash` and `Eq` for it, ask for them where it is a type parameter, or use a part that has them, such as an id"
)]
pub trait KeyValue: Hash {}

#[diagnostic::do_not_recommend]
impl<K: Hash + ?Sized> KeyValue for K {}

/// The key of an answer.
#[inline]
pub fn answer_key(key: &(impl KeyValue + ?Sized)) -> Key {
    Key::of(key)
}
