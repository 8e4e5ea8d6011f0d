//! What a file says, whatever its format: tables, lists and values, each with its place.

/// A place in a file, both counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// A value, and where it begins.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) at: Mark,
    pub(crate) content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Table(Vec<(Key, Node)>),
    List(Vec<Node>),
    Int(i128),
    Float(f64),
    Bool(bool),
    Text(String),
    /// Something that no option takes, by its name.
    Other(&'static str),
}

#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) at: Mark,
}

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) at: Mark,
    pub(crate) message: String,
}

impl Wrong {
    pub(crate) fn new(at: Mark, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { at, message }
    }
}

/// Tables in tables that are read; the options need five.
pub(super) const DEEPEST: usize = 32;

pub(super) fn too_deep(at: Mark) -> Wrong {
    Wrong::new(
        at,
        format!("more than {DEEPEST} tables and lists in each other; no option needs so many"),
    )
}

/// A table of these pairs, where no key is there twice.
pub(super) fn table(pairs: Vec<(Key, Node)>) -> Result<Content, Wrong> {
    let mut first = std::collections::HashMap::new();
    for (key, _) in &pairs {
        if let Some(at) = first.insert(key.text.as_str(), key.at) {
            let (text, line) = (&key.text, at.line);
            let message =
                format!("{text:?} is given twice, first at line {line}; keep one of them");
            return Err(Wrong::new(key.at, message));
        }
    }
    Ok(Content::Table(pairs))
}

/// Turns offsets into places.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            starts: std::iter::once(0).chain(ends).collect(),
        }
    }

    /// The place of the byte at `offset`.
    pub(super) fn mark(&self, offset: usize) -> Mark {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts[line - 1];
        Mark {
            line: line as u32,
            column: self.text[start..offset].chars().count() as u32 + 1,
        }
    }
}
