//! What is wrong with a configuration, each fault with its place.

use std::fmt;
use std::sync::Arc;

use super::{FilePlace, Origin};

/// One fault, or one warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: At,
    pub(crate) message: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// A file as a whole.
    Whole(Arc<str>),
    /// A place in a file, in the code, or a variable.
    Origin(Origin),
    /// Something that names its places itself.
    Itself,
}

impl Fault {
    pub(crate) fn new(origin: &Origin, message: impl Into<String>) -> Self {
        Self {
            at: At::Origin(origin.clone()),
            message: message.into(),
        }
    }

    pub(crate) fn is_at(&self, is: impl Fn(&Origin) -> bool) -> bool {
        matches!(&self.at, At::Origin(origin) if is(origin))
    }

    /// Faults in the order of files and lines, before those elsewhere; each once.
    pub(crate) fn in_order(faults: &mut Vec<Self>) {
        let place = |fault: &Self| match &fault.at {
            At::Whole(file) => (0, file.clone(), 0, 0),
            At::Origin(Origin::File(place) | Origin::Defaults(place)) => {
                let FilePlace { file, line, column } = place.clone();
                (0, file, line, column)
            }
            At::Origin(Origin::Variable(name)) => (1, name.clone(), 0, 0),
            At::Origin(_) | At::Itself => (2, Arc::from(""), 0, 0),
        };
        faults.sort_by_cached_key(place);
        let mut seen = Vec::new();
        faults.retain(|fault| {
            let new = !seen.contains(fault);
            if new {
                seen.push(fault.clone());
            }
            new
        });
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = &self.message;
        match &self.at {
            At::Whole(file) => write!(f, "{file}: {message}"),
            At::Origin(Origin::Defaults(place)) => write!(f, "{place}: {message}"),
            At::Origin(origin) => write!(f, "{origin}: {message}"),
            At::Itself => f.write_str(message),
        }
    }
}

/// Why a configuration was not put in force: every fault there is, with its place and what to write
/// instead. Nothing has changed.
///
/// Its text has one line for each fault: `file:line:column: what is wrong; what to write instead`,
/// or the variable's name in front.
#[cfg(feature = "config")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", text(faults))]
pub struct SetupError {
    faults: Vec<String>,
}

#[cfg(feature = "config")]
fn text(faults: &[String]) -> String {
    match faults {
        [one] => one.clone(),
        all => format!(
            "{} faults in the configuration:\n{}",
            all.len(),
            all.join("\n")
        ),
    }
}

#[cfg(feature = "config")]
impl SetupError {
    pub(crate) fn of(faults: &[Fault]) -> Self {
        Self {
            faults: faults.iter().map(Fault::to_string).collect(),
        }
    }

    pub(crate) fn other(fault: impl Into<String>) -> Self {
        Self {
            faults: vec![fault.into()],
        }
    }

    /// The faults, each with its place and what to write instead.
    pub fn faults(&self) -> impl Iterator<Item = &str> {
        self.faults.iter().map(String::as_str)
    }
}
