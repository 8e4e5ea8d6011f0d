//! Options whose value is one word out of a few.

use crate::suggest::closest;

/// One word out of a few, as it stands in attributes, files and variables.
pub trait Keyword: Copy + 'static {
    /// What the words mean, in their order.
    const ALL: &'static [Self];
    /// The words, in the order of the reference page.
    const WORDS: &'static [&'static str];
    /// Words that the contract names and that nothing serves yet.
    const LATER: &'static [&'static str] = &[];

    /// The word itself.
    fn word(self) -> &'static str;

    /// The keyword that a word stands for.
    ///
    /// # Errors
    ///
    /// Names the words there are, and the nearest.
    fn from_word(given: &str) -> Result<Self, String> {
        place(given, Self::WORDS, Self::LATER).map(|place| Self::ALL[place])
    }
}

/// Which of the words it is.
fn place(given: &str, words: &[&'static str], later: &[&str]) -> Result<usize, String> {
    let known = words.iter().position(|word| *word == given);
    known.ok_or_else(|| unknown(given, words, later))
}

/// What is wrong with a word that is none of these.
fn unknown(given: &str, words: &[&'static str], later: &[&str]) -> String {
    if later.contains(&given) {
        return format!("\"{given}\" is not available yet");
    }
    if let Some(near) = closest(given, words.iter().copied()) {
        return format!("unknown value \"{given}\"; did you mean \"{near}\"?");
    }
    let listed = words.join("\" or \"");
    format!("unknown value \"{given}\"; write \"{listed}\"")
}

macro_rules! keywords {
    ($($(#[$doc:meta])* $name:ident $([later $($later:literal)+])? { $($(#[$word_doc:meta])* $variant:ident = $word:literal,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name { $($(#[$word_doc])* $variant,)+ }

        impl Keyword for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];
            const WORDS: &'static [&'static str] = &[$($word,)+];
            $(const LATER: &'static [&'static str] = &[$($later),+];)?

            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    )+};
}

keywords! {
    /// Whether a policy acts, only reports, or is switched off.
    Mode {
        /// The policy acts.
        Enforce = "enforce",
        /// Everything passes; what would have been refused or cut is counted and reported.
        Observe = "observe",
        /// Nothing but the fallback is left.
        Off = "off",
    }
    /// What an open breaker does to the health answer.
    Health {
        /// An open breaker degrades it.
        Degraded = "degraded",
        /// An open breaker leaves it alone.
        Ignore = "ignore",
    }
    /// Who shares a policy's state.
    Scope {
        /// This process.
        Local = "local",
        /// The fleet, through Redis.
        Shared = "shared",
    }
    /// Which failures a breaker's `failures` rule counts.
    Counting {
        /// Failures since the last success that are younger than the window.
        Consecutive = "consecutive",
        /// All failures in the window.
        Window = "window",
    }
    /// Where a guard stands: inside the retry, or around it.
    Guards {
        /// Each attempt passes the guard.
        Attempt = "attempt",
        /// The whole call passes the guard once.
        Call = "call",
    }
    /// How a rate limit counts.
    Algorithm {
        /// Tokens flow in at a steady rate, up to the burst.
        TokenBucket = "token_bucket",
        /// Never more than `max` in any span of `per`.
        SlidingWindow = "sliding_window",
    }
    /// What a shared limit does when Redis stays away for longer than `fail_open`.
    Then {
        /// Refuse.
        Deny = "deny",
        /// Go on with the limit in memory.
        Local = "local",
        /// Let everything through.
        Allow = "allow",
    }
    /// What a fallback answers with.
    FallbackKind {
        /// The function in `with`.
        Call = "call",
        /// The type's `Default`.
        Default = "default",
        /// The last good answer of the same key.
        Cached = "cached",
        /// Keeps the work for later.
        Queue = "queue",
    }
    /// Which ends of a call a fallback answers.
    FallbackOn {
        /// Any final error but those of class `Expected` and `Ignored`.
        Error = "error",
        /// Only a refusal by a guard.
        Rejected = "rejected",
    }
    /// Where answers are kept.
    Store {
        /// In this process.
        Memory = "memory",
        /// In Redis, for all instances.
        Redis = "redis",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_word_names_the_nearest_or_all() {
        assert_eq!(
            Guards::from_word("atempt").unwrap_err(),
            "unknown value \"atempt\"; did you mean \"attempt\"?"
        );
        assert_eq!(
            Scope::from_word("x").unwrap_err(),
            "unknown value \"x\"; write \"local\" or \"shared\""
        );
    }
}
