//! Places in the code that disagree.

use std::fmt;

use steadfast_options::{Fault, Name, Value};

/// Two annotated functions that can't both be right about a name they share.
///
/// Its text names both places and says what to do. See [`Registry::check`](crate::Registry::check).
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    subject: Subject,
    first: Place,
    second: Place,
}

#[derive(Clone, Debug, PartialEq)]
enum Subject {
    /// One option of a named policy has two values.
    Values {
        policy: Name,
        option: &'static str,
        first: Value,
        second: Value,
    },
    /// What the places say together breaks a rule.
    Rule { policy: Name, message: String },
    /// Two functions were given one name.
    CallName(Name),
}

/// A file and a line of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) file: &'static str,
    pub(crate) line: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Conflict {
    pub(crate) fn of_values(
        policy: Name,
        option: &'static str,
        first: (Place, Value),
        second: (Place, Value),
    ) -> Self {
        let subject = Subject::Values {
            policy,
            option,
            first: first.1,
            second: second.1,
        };
        Self {
            subject,
            first: first.0,
            second: second.0,
        }
    }

    pub(crate) fn of_rule(policy: Name, fault: Fault, first: Place, second: Place) -> Self {
        Self {
            subject: Subject::Rule {
                policy,
                message: fault.message,
            },
            first,
            second,
        }
    }

    pub(crate) fn of_call_names(name: Name, first: Place, second: Place) -> Self {
        Self {
            subject: Subject::CallName(name),
            first,
            second,
        }
    }

    /// The name that both places use.
    #[must_use]
    pub fn name(&self) -> Name {
        match self.subject {
            Subject::Values { policy: name, .. }
            | Subject::Rule { policy: name, .. }
            | Subject::CallName(name) => name,
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            subject,
            first,
            second,
        } = self;
        match subject {
            Subject::Values {
                policy,
                option,
                first: one,
                second: other,
            } => write!(
                f,
                "`{option}` of {policy:?} is {one} at {first} but {other} at {second}; \
                 give it once, or the same twice ({one} holds)"
            ),
            Subject::Rule { policy, message } => {
                write!(f, "{policy:?}, defined at {first} and {second}: {message}")
            }
            Subject::CallName(name) => write!(
                f,
                "two calls are named {name:?}, at {first} and {second}; give one of them another name"
            ),
        }
    }
}

impl std::error::Error for Conflict {}
