//! The states of a breaker, and the changes from one to another.

use std::fmt;

/// What a breaker is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Calls pass, and their outcomes count.
    Closed,
    /// Calls are refused until the recovery time is over.
    Open,
    /// A bounded number of calls passes, to see whether the dependency works again.
    HalfOpen,
    /// Refuses every call, by hand, until it is released or reset.
    ForcedOpen,
    /// Lets every call through and counts nothing, by hand, until it is released or reset.
    Disabled,
}

impl State {
    /// The state in words: `closed`, `open`, `half_open`, `forced_open`, `disabled`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A change of state, with the state before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transition {
    pub(crate) from: State,
    pub(crate) to: State,
}
