//! A key as text, if its type has any.

use std::fmt::Debug;

/// A key whose text is asked for.
pub struct KeyText<'k, K: ?Sized>(pub &'k K);

/// A key that can be shown.
pub trait ViaDebug {
    /// Its text.
    fn key_text(&self) -> String;
}

impl<K: Debug + ?Sized> ViaDebug for &KeyText<'_, K> {
    fn key_text(&self) -> String {
        format!("{:?}", self.0)
    }
}

/// A key of which nothing is known.
pub trait ViaNothing {
    /// Says so.
    fn key_text(&self) -> String {
        "a key without text".into()
    }
}

impl<K: ?Sized> ViaNothing for KeyText<'_, K> {}
