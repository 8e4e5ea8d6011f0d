//! The values that options take.

use std::fmt;
use std::time::Duration;

use crate::duration::duration_text;
use crate::folder::Folder;
use crate::keyword::{
    Algorithm, Counting, FallbackKind, FallbackOn, Guards, Health, Keyword, Mode, Scope, Store,
    Then,
};
use crate::name::{Name, intern};

/// A share: more than 0, at most 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Ratio(f64);

impl Ratio {
    /// A ratio, if `share` is within `0 < share <= 1`.
    #[must_use]
    pub const fn new(share: f64) -> Option<Self> {
        if share > 0.0 && share <= 1.0 {
            Some(Self(share))
        } else {
            None
        }
    }

    /// A ratio that is known at compile time.
    ///
    /// # Panics
    ///
    /// Where `share` is outside `0 < share <= 1`.
    #[must_use]
    pub const fn literal(share: f64) -> Self {
        match Self::new(share) {
            Some(ratio) => ratio,
            None => panic!("a ratio lies between 0 and 1"),
        }
    }

    /// The share itself.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A number that multiplies: finite, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Factor(f64);

impl Factor {
    /// A factor, if `number` is finite and at least 1.
    #[must_use]
    pub const fn new(number: f64) -> Option<Self> {
        if number >= 1.0 && number <= f64::MAX {
            Some(Self(number))
        } else {
            None
        }
    }

    /// A factor that is known at compile time.
    ///
    /// # Panics
    ///
    /// Where `number` is below 1 or not finite.
    #[must_use]
    pub const fn literal(number: f64) -> Self {
        match Self::new(number) {
            Some(factor) => factor,
            None => panic!("a factor is at least 1"),
        }
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// How long a count is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// For this long.
    For(Duration),
    /// For ever: counts never age.
    Unbounded,
}

/// How a pause is varied, so that callers do not come back in step.
///
/// `Full`, `Equal` and `Decorrelated` are the forms of Marc Brooker's "Exponential Backoff And
/// Jitter" (AWS Architecture Blog, 2015).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Jitter {
    /// Uniform in `0..=d`.
    Full,
    /// `d / 2` plus uniform in `0..=d / 2`.
    Equal,
    /// The cap or uniform in `base..=3 × previous`, whichever is less.
    Decorrelated,
    /// `d` give or take this share of it.
    Ratio(Ratio),
    /// `d` give or take this long.
    Within(Duration),
    /// Exactly `d`.
    None,
}

/// A set of error classes (and `rejected`, a refusal by one of our own guards).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classes(u8);

impl Classes {
    /// No class.
    pub const NONE: Self = Self(0);
    /// A fault that may pass.
    pub const TRANSIENT: Self = Self(1);
    /// An attempt that took too long.
    pub const TIMEOUT: Self = Self(1 << 1);
    /// The remote side says: too many.
    pub const RATE_LIMITED: Self = Self(1 << 2);
    /// A fault that will not pass by itself.
    pub const PERMANENT: Self = Self(1 << 3);
    /// A proper answer in error form.
    pub const EXPECTED: Self = Self(1 << 4);
    /// A refusal by one of our own guards.
    pub const REJECTED: Self = Self(1 << 5);

    /// Each class with its word, in order.
    pub const WORDS: &'static [(&'static str, Self)] = &[
        ("transient", Self::TRANSIENT),
        ("timeout", Self::TIMEOUT),
        ("rate_limited", Self::RATE_LIMITED),
        ("permanent", Self::PERMANENT),
        ("expected", Self::EXPECTED),
        ("rejected", Self::REJECTED),
    ];

    /// The classes of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every class of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl fmt::Display for Classes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = Self::WORDS
            .iter()
            .filter(|(_, class)| self.contains(*class));
        let words: Vec<&str> = held.map(|(word, _)| *word).collect();
        f.write_str(&words.join(", "))
    }
}

macro_rules! values {
    ($($variant:ident($type:ty),)+) => {
        /// The value of an option, whatever its type.
        #[derive(Clone, Copy, Debug, PartialEq)]
        #[non_exhaustive]
        pub enum Value {
            /// The policy is there, with nothing set.
            Declared,
            $(
                #[doc = concat!("A value of type `", stringify!($type), "`.")]
                $variant($type),
            )+
        }

        $(
            impl From<$type> for Value {
                fn from(value: $type) -> Self { Self::$variant(value) }
            }

            impl TryFrom<Value> for $type {
                type Error = Value;

                fn try_from(value: Value) -> Result<Self, Value> {
                    match value {
                        Value::$variant(value) => Ok(value),
                        other => Err(other),
                    }
                }
            }
        )+
    };
}

values! {
    Duration(Duration),
    Count(u32),
    Ratio(Ratio),
    Factor(Factor),
    Name(Name),
    Folder(Folder),
    Window(Window),
    Jitter(Jitter),
    Classes(Classes),
    Code(&'static str),
    Mode(Mode),
    Health(Health),
    Scope(Scope),
    Counting(Counting),
    Guards(Guards),
    Algorithm(Algorithm),
    Then(Then),
    FallbackKind(FallbackKind),
    FallbackOn(FallbackOn),
    Store(Store),
}

/// As it is written in files and on the reference page.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Declared => f.write_str("declared"),
            Self::Duration(duration)
            | Self::Window(Window::For(duration))
            | Self::Jitter(Jitter::Within(duration)) => f.write_str(&duration_text(*duration)),
            Self::Count(count) => count.fmt(f),
            Self::Ratio(ratio) | Self::Jitter(Jitter::Ratio(ratio)) => ratio.0.fmt(f),
            Self::Factor(factor) => write!(f, "{:?}", factor.0),
            Self::Name(name) => name.fmt(f),
            Self::Folder(folder) => folder.fmt(f),
            Self::Window(Window::Unbounded) | Self::Jitter(Jitter::None) => f.write_str("none"),
            Self::Jitter(Jitter::Full) => f.write_str("full"),
            Self::Jitter(Jitter::Equal) => f.write_str("equal"),
            Self::Jitter(Jitter::Decorrelated) => f.write_str("decorrelated"),
            Self::Classes(classes) => classes.fmt(f),
            Self::Code(code) => f.write_str(code),
            Self::Mode(word) => f.write_str(word.word()),
            Self::Health(word) => f.write_str(word.word()),
            Self::Scope(word) => f.write_str(word.word()),
            Self::Counting(word) => f.write_str(word.word()),
            Self::Guards(word) => f.write_str(word.word()),
            Self::Algorithm(word) => f.write_str(word.word()),
            Self::Then(word) => f.write_str(word.word()),
            Self::FallbackKind(word) => f.write_str(word.word()),
            Self::FallbackOn(word) => f.write_str(word.word()),
            Self::Store(word) => f.write_str(word.word()),
        }
    }
}

impl Value {
    /// Code, interned as a [`Name`] is. A zero in its literals is written out.
    #[must_use]
    pub fn code(text: &str) -> Self {
        Self::Code(intern(&text.replace('\0', "\\0")))
    }

    /// This value as TOML and JSON write it.
    ///
    /// ```
    /// use std::time::Duration;
    /// use steadfast_options::{Classes, Value};
    ///
    /// assert_eq!(Value::from(Duration::from_secs(5)).literal(), "\"5s\"");
    /// let classes = Classes::TRANSIENT.with(Classes::TIMEOUT);
    /// assert_eq!(Value::from(classes).literal(), "[\"transient\", \"timeout\"]");
    /// assert_eq!(Value::from(3_u32).literal(), "3");
    /// ```
    #[must_use]
    pub fn literal(&self) -> String {
        match self {
            Self::Count(_) | Self::Ratio(_) | Self::Factor(_) | Self::Jitter(Jitter::Ratio(_)) => {
                self.to_string()
            }
            Self::Classes(_) => format!("[\"{}\"]", self.to_string().replace(", ", "\", \"")),
            Self::Folder(folder) => format!("{:?}", folder.as_str()),
            other => format!("\"{other}\""),
        }
    }
}
