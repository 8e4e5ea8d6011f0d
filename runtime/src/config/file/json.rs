//! JSON, with places: `serde_json` reads it and gives each value as a piece of the text.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::node::{Content, DEEPEST, Key, Lines, Node, Wrong, table, too_deep};

/// # Errors
///
/// The place where the syntax is broken.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Wrong>> {
    let lines = Lines::of(text);
    let whole = serde_json::from_str(text).map_err(|error| broken(&error, &lines, text));
    let source = Source { text, lines };
    whole
        .and_then(|whole| source.node(whole, 0))
        .map_err(|wrong| vec![wrong])
}

fn broken(error: &serde_json::Error, lines: &Lines<'_>, text: &str) -> Wrong {
    let end = format!(" at line {} column {}", error.line(), error.column());
    let message = error.to_string().replace(&end, "");
    // Its columns are bytes, the last one read among them.
    let before: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    Wrong::new(
        lines.mark(before + error.column().saturating_sub(1)),
        message,
    )
}

struct Source<'t> {
    text: &'t str,
    lines: Lines<'t>,
}

impl Source<'_> {
    fn node(&self, raw: &RawValue, depth: usize) -> Result<Node, Wrong> {
        let text = raw.get();
        // A piece of the text lies within it.
        let at = self
            .lines
            .mark(text.as_ptr().addr() - self.text.as_ptr().addr());
        if depth > DEEPEST {
            return Err(too_deep(at));
        }
        let unreadable = |error: serde_json::Error| Wrong::new(at, error.to_string());
        let content = match text.as_bytes().first() {
            Some(b'{') => {
                let Pairs(pairs) = serde_json::from_str(text).map_err(unreadable)?;
                let pairs = pairs.into_iter().map(|(key, value)| {
                    let Node { at, content } = self.node(key, depth)?;
                    let Content::Text(text) = content else {
                        return Err(Wrong::new(at, "a key is text"));
                    };
                    Ok((Key { text, at }, self.node(value, depth + 1)?))
                });
                table(pairs.collect::<Result<_, _>>()?)?
            }
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text).map_err(unreadable)?;
                let items = items.into_iter().map(|item| self.node(item, depth + 1));
                Content::List(items.collect::<Result<_, _>>()?)
            }
            Some(b'"') => Content::Text(serde_json::from_str(text).map_err(unreadable)?),
            Some(b't' | b'f') => Content::Bool(text == "true"),
            Some(b'n') => Content::Other("null"),
            _ => number(text),
        };
        Ok(Node { at, content })
    }
}

fn number(text: &str) -> Content {
    match (text.parse(), text.parse()) {
        (Ok(whole), _) => Content::Int(whole),
        (_, Ok(decimal)) => Content::Float(decimal),
        _ => Content::Other("a number that is too large"),
    }
}

/// The keys and values of an object, in order, none of them lost.
struct Pairs<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(All)
    }
}
