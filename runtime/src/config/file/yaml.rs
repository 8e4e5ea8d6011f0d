//! YAML 1.2 by its core schema, with places. Anchors are read, within bounds.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::node::{Content, DEEPEST, Key, Mark, Node, Wrong, table, too_deep};

/// Values that aliases may come to: no file of real settings has so many.
const MOST_VALUES: usize = 100_000;

/// # Errors
///
/// The place where the syntax is broken.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Wrong>> {
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
        anchors: HashMap::new(),
        values: 0,
    };
    reader.file().map_err(|wrong| vec![wrong])
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Node>,
    values: usize,
}

type Spanned<'t> = (Event<'t>, Span);

fn mark(marker: Marker) -> Mark {
    Mark {
        line: marker.line().max(1) as u32,
        column: marker.col() as u32 + 1,
    }
}

fn broken(error: &ScanError) -> Wrong {
    Wrong::new(mark(*error.marker()), error.info())
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<Spanned<'t>, Wrong> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => Err(broken(&error)),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    /// The one document of the file.
    fn file(&mut self) -> Result<Node, Wrong> {
        let start = Mark { line: 1, column: 1 };
        let mut found = None;
        loop {
            match self.next()? {
                (Event::StreamEnd, _) => break,
                (Event::DocumentStart(_), span) if found.is_some() => {
                    let message = "a second document; one file holds one";
                    return Err(Wrong::new(mark(span.start), message));
                }
                (
                    Event::StreamStart
                    | Event::DocumentStart(_)
                    | Event::DocumentEnd
                    | Event::Nothing,
                    _,
                ) => {}
                event => found = Some(self.node(event, 0)?),
            }
        }
        // Comments alone are no document, and say nothing.
        Ok(found.unwrap_or(Node {
            at: start,
            content: Content::Table(Vec::new()),
        }))
    }

    fn node(&mut self, (event, span): Spanned<'t>, depth: usize) -> Result<Node, Wrong> {
        let at = mark(span.start);
        self.count(1, at)?;
        if depth > DEEPEST {
            return Err(too_deep(at));
        }
        let (content, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, at),
            Event::Scalar(text, style, anchor, tag) => {
                (scalar(text.into_owned(), style, tag, at)?, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                no_tag(tag, at)?;
                (self.list(depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                no_tag(tag, at)?;
                (self.mapping(depth)?, anchor)
            }
            _ => return Err(Wrong::new(at, "a value is missing here")),
        };
        let node = Node { at, content };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Content, Wrong> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Content::List(items)),
                event => items.push(self.node(event, depth + 1)?),
            }
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Content, Wrong> {
        let mut pairs = Vec::new();
        loop {
            let (event, span) = self.next()?;
            let at = mark(span.start);
            let text = match event {
                Event::MappingEnd => return table(pairs),
                Event::Scalar(text, ..) if text == "<<" => {
                    return Err(Wrong::new(
                        at,
                        "merge keys are not read; write the options out",
                    ));
                }
                Event::Scalar(text, ..) => text.into_owned(),
                _ => return Err(Wrong::new(at, "a key is text; write it as one word")),
            };
            let value = self.next()?;
            pairs.push((Key { text, at }, self.node(value, depth + 1)?));
        }
    }

    /// What an anchor stands for, at the place of the alias.
    fn alias(&mut self, anchor: usize, at: Mark) -> Result<Node, Wrong> {
        let Some(known) = self.anchors.get(&anchor) else {
            return Err(Wrong::new(
                at,
                "an alias of something that is not complete yet",
            ));
        };
        let node = Node {
            at,
            ..known.clone()
        };
        self.count(size(&node), at)?;
        Ok(node)
    }

    fn count(&mut self, values: usize, at: Mark) -> Result<(), Wrong> {
        self.values += values;
        if self.values <= MOST_VALUES {
            return Ok(());
        }
        let message = format!("more than {MOST_VALUES} values, those of aliases among them");
        Err(Wrong::new(at, message))
    }
}

fn size(node: &Node) -> usize {
    match &node.content {
        Content::Table(pairs) => pairs.iter().map(|(_, value)| size(value)).sum::<usize>() + 1,
        Content::List(items) => items.iter().map(size).sum::<usize>() + 1,
        _ => 1,
    }
}

fn no_tag(tag: Option<Cow<'_, Tag>>, at: Mark) -> Result<(), Wrong> {
    match tag {
        Some(tag) => Err(Wrong::new(
            at,
            format!("tags are not read; leave {tag} out"),
        )),
        None => Ok(()),
    }
}

fn scalar(
    text: String,
    style: ScalarStyle,
    tag: Option<Cow<'_, Tag>>,
    at: Mark,
) -> Result<Content, Wrong> {
    if tag
        .as_ref()
        .is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str")
    {
        return Ok(Content::Text(text));
    }
    no_tag(tag, at)?;
    Ok(match style {
        ScalarStyle::Plain => plain(text),
        _ => Content::Text(text),
    })
}

fn plain(text: String) -> Content {
    match text.as_str() {
        "" | "~" | "null" | "Null" | "NULL" => return Content::Other("nothing"),
        "true" | "True" | "TRUE" => return Content::Bool(true),
        "false" | "False" | "FALSE" => return Content::Bool(false),
        _ => {}
    }
    let whole = match (text.strip_prefix("0x"), text.strip_prefix("0o")) {
        (Some(digits), _) => i128::from_str_radix(digits, 16).ok(),
        (_, Some(digits)) => i128::from_str_radix(digits, 8).ok(),
        _ => text.parse().ok(),
    };
    if let Some(whole) = whole {
        return Content::Int(whole);
    }
    // Rust's words for it, such as `inf`, are text here.
    let numeric = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    match text.parse() {
        Ok(decimal) if numeric => Content::Float(decimal),
        _ => Content::Text(text),
    }
}
