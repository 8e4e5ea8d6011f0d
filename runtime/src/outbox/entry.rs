//! An entry of a queue, as Redis keeps it.

use redis::Value;

/// An entry: what it says, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: String,
    /// The idempotency key of the call that it comes from.
    pub(crate) key: String,
    /// The call that it comes from; empty where it was pushed by hand.
    pub(crate) call: String,
    /// Attempts so far that counted.
    pub(crate) attempts: u32,
    /// JSON.
    pub(crate) data: String,
}

/// An entry that a worker holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delivery {
    /// Where it is in the stream.
    pub(super) place: String,
    pub(super) entry: Entry,
    /// How often it was handed out and never settled: its workers crashed, or the answer was lost.
    pub(super) crashes: u32,
}

impl Entry {
    /// Its fields, in the order of a command's arguments.
    pub(super) fn fields(&self) -> [(&'static str, String); 5] {
        [
            ("id", self.id.clone()),
            ("key", self.key.clone()),
            ("call", self.call.clone()),
            ("n", self.attempts.to_string()),
            ("data", self.data.clone()),
        ]
    }

    /// As one text, for as long as it waits outside the stream, and in a spool.
    pub(super) fn packed(&self) -> String {
        let [id, key, call, attempts, data] = self.fields().map(|(_, value)| value);
        // A list of texts has a JSON form.
        serde_json::to_string(&[id, key, call, attempts, data]).unwrap_or_default()
    }

    pub(super) fn unpacked(text: &str) -> Option<Self> {
        let [id, key, call, attempts, data]: [String; 5] = serde_json::from_str(text).ok()?;
        Some(Self {
            id,
            key,
            call,
            attempts: attempts.parse().ok()?,
            data,
        })
    }

    /// Out of the fields of a stream's entry; what another program has put there may lack some.
    pub(super) fn of(place: &str, fields: &Fields) -> Self {
        let field = |name| fields.get(name).unwrap_or_default().to_owned();
        let id = field("id");
        Self {
            id: if id.is_empty() { place.to_owned() } else { id },
            key: field("key"),
            call: field("call"),
            attempts: field("n").parse().unwrap_or(0),
            data: field("data"),
        }
    }
}

/// The fields of one entry of a stream.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let found = fields.find(|(field, _)| field == name)?;
        Some(&found.1)
    }
}

/// The entries of a stream, with their places.
pub(super) fn entries(value: &Value) -> Vec<(String, Fields)> {
    let Value::Array(entries) = value else {
        return Vec::new();
    };
    entries.iter().filter_map(entry).collect()
}

fn entry(value: &Value) -> Option<(String, Fields)> {
    let Value::Array(parts) = value else {
        return None;
    };
    let [place, fields] = &parts[..] else {
        return None;
    };
    // An entry that was deleted while it was pending has no fields.
    let fields: Vec<(String, String)> = match fields {
        Value::Array(flat) => flat
            .chunks_exact(2)
            .map(|pair| (text(&pair[0]), text(&pair[1])))
            .collect(),
        Value::Map(pairs) => pairs.iter().map(|(k, v)| (text(k), text(v))).collect(),
        _ => return None,
    };
    Some((text(place), Fields(fields)))
}

/// A text as Redis gives it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::SimpleString(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        _ => String::new(),
    }
}

/// The deliveries of an answer to `XREADGROUP`: of one stream, as a list or as a map.
pub(super) fn delivered(value: &Value) -> Vec<Delivery> {
    let entries = match value {
        Value::Map(streams) => streams.first().map(|(_, entries)| entries),
        Value::Array(streams) => match streams.first() {
            Some(Value::Array(stream)) => stream.get(1),
            _ => None,
        },
        _ => None,
    };
    entries.map_or_else(Vec::new, deliveries)
}

pub(super) fn deliveries(value: &Value) -> Vec<Delivery> {
    let all = entries(value).into_iter();
    all.map(|(place, fields)| Delivery {
        entry: Entry::of(&place, &fields),
        place,
        crashes: 0,
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.into())
    }

    #[test]
    fn an_entry_survives_being_packed_whatever_it_holds() {
        let entry = Entry {
            id: "0-\"1\"\n".into(),
            key: "äöü\u{0}".into(),
            call: String::new(),
            attempts: 7,
            data: "{\"a\": [\"]\"]}".into(),
        };
        assert_eq!(Entry::unpacked(&entry.packed()), Some(entry));
        assert_eq!(Entry::unpacked("[\"a\"]"), None);
    }

    #[test]
    fn answers_are_read_in_the_forms_of_both_protocols() {
        let fields = Value::Array(vec![bulk("data"), bulk("5"), bulk("id"), bulk("x")]);
        let entries = Value::Array(vec![Value::Array(vec![bulk("1-0"), fields])]);
        let two = Value::Array(vec![Value::Array(vec![bulk("s"), entries.clone()])]);
        let three = Value::Map(vec![(bulk("s"), entries)]);
        for value in [two, three] {
            let found = delivered(&value);
            assert_eq!((found.len(), &*found[0].place), (1, "1-0"));
            assert_eq!((&*found[0].entry.id, &*found[0].entry.data), ("x", "5"));
        }
        assert_eq!(delivered(&Value::Nil), []);
    }
}
