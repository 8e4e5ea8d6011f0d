//! What a key is called beyond this process: the same in every instance.

use std::fmt::Write as _;

use serde::Serialize;
use serde::de::IgnoredAny;

use crate::__private::KeyValue;
use crate::keys::Key;

/// A value that can be a key in Redis.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a key in Redis, since it is not `serde::Serialize`",
    label = "with `store = \"redis\"` a key is written down as JSON",
    note = "derive `Serialize` for it, or use a part that has it, such as an id"
)]
pub trait Writable: Serialize {}

#[diagnostic::do_not_recommend]
impl<K: Serialize + ?Sized> Writable for K {}

/// A key here and its text for all, or why it has none.
pub struct SharedKey {
    pub(super) key: Key,
    pub(super) text: Result<Box<str>, String>,
}

/// The key of an answer that instances share.
pub fn shared_key<K: KeyValue + Writable + ?Sized>(key: &K) -> SharedKey {
    SharedKey {
        key: Key::of(key),
        text: text_of(key),
    }
}

/// Its JSON, but a string without quotes where it can't be mistaken for the JSON of something else.
pub(super) fn text_of(key: &(impl Serialize + ?Sized)) -> Result<Box<str>, String> {
    let json = serde_json::to_string(key);
    let json = json.map_err(|error| format!("its key can't be written as JSON: {error}"))?;
    let bare = serde_json::from_str::<String>(&json).ok();
    let bare = bare.filter(|bare| serde_json::from_str::<IgnoredAny>(bare).is_err());
    Ok(escaped(bare.as_deref().unwrap_or(&json)).into())
}

/// What could leave its place in a name, or is hard to type, is percent-encoded.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~[],\"".contains(&byte) {
            escaped.push(byte.into());
        } else {
            let _ = write!(escaped, "%{byte:02X}"); // writing to a string cannot fail
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use serde_json::{Value, json};

    use super::*;

    fn text(key: &(impl Serialize + ?Sized)) -> String {
        text_of(key).unwrap().into()
    }

    #[test]
    fn keys_read_as_they_are() {
        assert_eq!(text(&42), "42");
        assert_eq!(text("user-7"), "user-7");
        assert_eq!(text(&("shop", 7)), "[\"shop\",7]");
        assert_eq!(text(&()), "null");
        assert_eq!(text("a}b:c/ä"), "a%7Db%3Ac%2F%C3%A4");
    }

    #[test]
    fn two_keys_never_have_one_name() {
        let strings = [
            "", "1", "01", " 1", "null", "\"a\"", "a", "[1]", "{}", "%31",
        ];
        let others = [
            json!(1),
            Value::Null,
            json!([1]),
            json!({}),
            json!(["1"]),
            json!("\"1\""),
        ];
        let keys: Vec<Value> = strings.map(Value::from).into_iter().chain(others).collect();
        let names: HashSet<String> = keys.iter().map(text).collect();
        assert_eq!(names.len(), keys.len());
    }
}
