//! TOML, with places.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::{Content, Key, Lines, Node, Wrong};

/// # Errors
///
/// Every place where the syntax is broken.
pub(super) fn parse(text: &str) -> Result<Node, Vec<Wrong>> {
    let lines = Lines::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let content = self::table(table.get_ref(), &lines);
        let at = lines.mark(0);
        return Ok(Node { at, content });
    }
    let wrong = errors.iter().map(|error| {
        let at = lines.mark(error.span().map_or(0, |span| span.start));
        Wrong::new(at, error.message())
    });
    Err(wrong.collect())
}

fn table(table: &DeTable<'_>, lines: &Lines<'_>) -> Content {
    let pairs = table.iter().map(|(key, value)| {
        let key = Key {
            text: key.get_ref().to_string(),
            at: lines.mark(key.span().start),
        };
        (key, node(value, lines))
    });
    Content::Table(pairs.collect())
}

fn node(value: &Spanned<DeValue<'_>>, lines: &Lines<'_>) -> Node {
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Text(text.to_string()),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Content::Int(number),
            Err(_) => Content::Other("a number that is too large"),
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Content::Float(number),
            Err(_) => Content::Other("a number that is too large"),
        },
        DeValue::Boolean(value) => Content::Bool(*value),
        DeValue::Datetime(_) => Content::Other("a date"),
        DeValue::Array(items) => {
            Content::List(items.iter().map(|item| node(item, lines)).collect())
        }
        DeValue::Table(inner) => table(inner, lines),
    };
    let at = lines.mark(value.span().start);
    Node { at, content }
}
