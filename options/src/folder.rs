//! Folders.

use std::fmt;

use crate::name::intern;

/// The path of a folder, interned as a [`Name`](crate::Name) is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Folder(&'static str);

impl Folder {
    /// Takes any text that is not empty.
    ///
    /// # Errors
    ///
    /// Where it is empty, or holds a zero, which no path does.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the path of a folder can't be empty".into());
        }
        if text.contains('\0') {
            return Err(format!("{text:?} is no path: it holds a zero"));
        }
        Ok(Self(intern(text)))
    }

    /// A path that is known at compile time. The attribute has checked it.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(text)
    }

    /// The path itself.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.0
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}
