//! Where a value comes from.

use std::fmt;
use std::sync::Arc;

use crate::conflict::Place;

/// The layer that set a value, with the place in it.
///
/// From low to high: what is built in, `[defaults]` of a file, the code, a name in a file, a
/// variable. Its text is `file:line:column`, `file:line` or the variable's name.
///
/// ```
/// use steadfast::{Origin, resilient, sites};
///
/// #[resilient(name = "origin.of", timeout = "5s")]
/// async fn ask() -> std::io::Result<()> { Ok(()) }
///
/// let site = sites().find(|site| site.name() == "origin.of").unwrap();
/// let timeout = site.values().into_iter().find(|value| value.path == "timeout").unwrap();
/// assert!(matches!(timeout.origin, Origin::Code { .. }));
/// assert_eq!(timeout.origin.to_string(), format!("{}:{}", site.file(), site.line()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Nothing set it: the default of `OPTIONS.md`.
    BuiltIn,
    /// The `[defaults]` of a file.
    Defaults(FilePlace),
    /// An attribute, or the builder of a policy.
    #[non_exhaustive]
    Code {
        /// The source file.
        file: &'static str,
        /// The line of the function, or of the call to the builder.
        line: u32,
    },
    /// A named table of a file.
    File(FilePlace),
    /// An environment variable of this name.
    Variable(Arc<str>),
}

/// A place in a configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilePlace {
    /// The file, as it was given to [`Setup::config_file`](crate::Setup::config_file).
    pub file: Arc<str>,
    /// Its line, from 1.
    pub line: u32,
    /// The column in it, in characters, from 1.
    pub column: u32,
}

impl From<Place> for Origin {
    fn from(place: Place) -> Self {
        let Place { file, line } = place;
        Self::Code { file, line }
    }
}

impl Origin {
    /// Whether an operator set it, and not the code or the library.
    pub(crate) fn is_configured(&self) -> bool {
        matches!(self, Self::Defaults(_) | Self::File(_) | Self::Variable(_))
    }
}

impl fmt::Display for FilePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built in"),
            Self::Defaults(place) => write!(f, "{place} [defaults]"),
            Self::File(place) => place.fmt(f),
            Self::Code { file, line } => write!(f, "{file}:{line}"),
            Self::Variable(name) => f.write_str(name),
        }
    }
}
