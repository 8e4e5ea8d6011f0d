//! Names of calls and policies.

use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{LazyLock, Mutex, PoisonError};

/// The name of a call or of a named policy: `[A-Za-z0-9._:-]`, 1 to 128 characters.
///
/// Names are interned: copying one is free, and each distinct name is kept for the life of the
/// process.
///
/// ```
/// use steadfast_options::Name;
///
/// let name = Name::new("stripe").unwrap();
/// assert_eq!(name, "stripe");
/// assert!(Name::new("str ipe").is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(&'static str);

static INTERNED: LazyLock<Mutex<HashSet<&'static str>>> = LazyLock::new(Mutex::default);

const LONGEST: usize = 128;

impl Name {
    /// Checks and interns a name.
    ///
    /// # Errors
    ///
    /// Says which character or length is wrong.
    pub fn new(text: &str) -> Result<Self, String> {
        check(text)?;
        Ok(Self(intern(text)))
    }

    /// Checks a name without keeping it.
    ///
    /// # Errors
    ///
    /// Says which character or length is wrong.
    pub fn check(text: &str) -> Result<(), String> {
        check(text)
    }

    /// A name that is known at compile time. The attribute has checked it.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        Self(text)
    }

    /// The text itself.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.0
    }
}

/// The one copy of a text that this process keeps.
pub(crate) fn intern(text: &str) -> &'static str {
    let mut interned = INTERNED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = interned.get(text) {
        return known;
    }
    let kept: &'static str = Box::leak(text.into());
    interned.insert(kept);
    kept
}

fn check(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a name can't be empty".into());
    }
    if text.len() > LONGEST {
        return Err(format!(
            "a name has at most {LONGEST} characters; this one has {}",
            text.len()
        ));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._:-".contains(c);
    match text.chars().find(|&c| !allowed(c)) {
        Some(wrong) => Err(format!(
            "name {text:?} holds {wrong:?}; a name is made of letters, digits and \".\", \"_\", \":\", \"-\""
        )),
        None => Ok(()),
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        self.0
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_is_one_interned_text() {
        let (a, b) = (Name::new("x.y").unwrap(), Name::new("x.y").unwrap());
        assert!(std::ptr::eq(a.as_str(), b.as_str()));
    }

    #[test]
    fn a_name_says_which_character_is_wrong() {
        assert!(Name::new("a}b").unwrap_err().contains("'}'"));
        assert!(Name::new("").unwrap_err().contains("empty"));
        assert!(Name::new(&"x".repeat(129)).unwrap_err().contains("129"));
        assert!(Name::new(&"x".repeat(128)).is_ok());
    }
}
