//! What can be wrong with a scenario, and where.

use std::fmt;
use std::io;
use std::ops::Range;

/// Why there is no scenario to run.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// No file, and no shipped scenario of that name.
    #[error("{0}")]
    Unknown(String),
    /// The file cannot be read.
    #[error("{path}: cannot be read: {source}")]
    Unreadable {
        /// As it was given.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The file says something that cannot be; each fault on a line of its own.
    #[error("{}", lines(file, faults))]
    Faulty {
        /// As it was given.
        file: String,
        /// In the order of the file.
        faults: Vec<Fault>,
    },
}

/// One mistake in a scenario file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            line,
            column,
            reason,
        } = self;
        write!(f, "{line}:{column}: {reason}")
    }
}

fn lines(file: &str, faults: &[Fault]) -> String {
    let lines = faults.iter().map(|fault| format!("{file}:{fault}"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Gathers faults while a file is read, so that all are reported at once.
#[derive(Debug)]
pub(super) struct Faults<'t> {
    text: &'t str,
    found: Vec<(usize, String)>,
}

impl<'t> Faults<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text,
            found: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, at: Range<usize>, reason: impl Into<String>) {
        self.found.push((at.start, reason.into()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The line of an offset, from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.place(offset).0
    }

    pub(super) fn into_sorted(mut self) -> Vec<Fault> {
        self.found.sort();
        let place = |offset: &usize| self.place(*offset);
        let faults = self.found.iter().map(|(offset, reason)| {
            let (line, column) = place(offset);
            Fault {
                line,
                column,
                reason: reason.clone(),
            }
        });
        faults.collect()
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let before = &self.text[..offset.min(self.text.len())];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        (line, before[line_start..].chars().count() + 1)
    }
}
