//! The class of an error of which only the text is known.

use super::Class;

/// Words that tell, in lower case, the first that is found winning.
const WORDS: &[(&[&str], Class)] = &[
    (
        &[
            "rate limit",
            "rate-limit",
            "ratelimit",
            "too many requests",
            "quota exceeded",
            "throttl",
            "status 429",
        ],
        Class::RateLimited { retry_after: None },
    ),
    (
        &[
            "timed out",
            "timeout",
            "time-out",
            "etimedout",
            "deadline exceeded",
            "esockettimedout",
        ],
        Class::Timeout,
    ),
    (
        &[
            "econnreset",
            "econnrefused",
            "econnaborted",
            "epipe",
            "enotfound",
            "eai_again",
            "ehostunreach",
            "enetunreach",
            "connection reset",
            "connection refused",
            "connection aborted",
            "connection closed",
            "broken pipe",
            "socket hang up",
            "unreachable",
            "unavailable",
            "bad gateway",
            "internal server error",
            "overloaded",
            "try again",
        ],
        Class::Transient,
    ),
    (
        &[
            "unauthorized",
            "unauthenticated",
            "forbidden",
            "permission denied",
            "access denied",
            "invalid api key",
        ],
        Class::Permanent,
    ),
    (&["not found", "already exists"], Class::Expected),
];

impl Class {
    /// The class that an error's text hints at, for errors that carry nothing better; none where
    /// no usual word is in it.
    ///
    /// ```
    /// use steadfast::Class;
    ///
    /// assert_eq!(Class::from_message("connect ETIMEDOUT 10.0.0.1:443"), Some(Class::Timeout));
    /// assert_eq!(
    ///     Class::from_message("Rate limit exceeded, slow down"),
    ///     Some(Class::RateLimited { retry_after: None }),
    /// );
    /// assert_eq!(Class::from_message("no such luck"), None);
    /// ```
    #[must_use]
    pub fn from_message(text: &str) -> Option<Self> {
        let text = text.to_lowercase();
        let found = WORDS
            .iter()
            .find(|(words, _)| words.iter().any(|word| text.contains(word)));
        found.map(|(_, class)| *class)
    }
}
