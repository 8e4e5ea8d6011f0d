//! Keys and the commands on them, as far as the scripts use them.

use std::collections::BTreeMap;

use steadfast_rig::Reply;

use super::Published;

type Hash = BTreeMap<String, String>;

/// What a key holds. There are lists only so that a key can have the wrong type.
#[derive(Debug)]
enum Value {
    Hash(Hash),
    List(Vec<String>),
}

#[derive(Debug)]
struct Key {
    value: Value,
    /// Microseconds; on the store's clock, as all of it.
    expires: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct Data {
    pub(super) now: u64,
    pub(super) refused: Option<String>,
    pub(super) published: Vec<Published>,
    pub(super) scripts: u64,
    pub(super) commands: u64,
    keys: BTreeMap<String, Key>,
}

const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

fn error(text: impl Into<String>) -> Reply {
    Reply::Error(text.into())
}

fn int(number: usize) -> Reply {
    Reply::Int(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(text: &str) -> Reply {
    Reply::Text(text.to_owned())
}

impl Data {
    pub(super) fn call(&mut self, words: &[&str]) -> Reply {
        let Some((name, args)) = words.split_first() else {
            return error("ERR empty command");
        };
        let name = name.to_ascii_uppercase();
        if let (Some(refused), true) = (&self.refused, writes(&name)) {
            return error(refused);
        }
        if let Some(key) = args.first() {
            self.expire(key);
        }
        match (name.as_str(), args) {
            ("TIME", []) => Reply::Array(vec![
                Reply::Text((self.now / 1_000_000).to_string()),
                Reply::Text((self.now % 1_000_000).to_string()),
            ]),
            ("PUBLISH" | "SPUBLISH", [channel, message]) => {
                self.published.push(Published {
                    channel: (*channel).to_owned(),
                    message: (*message).to_owned(),
                });
                Reply::Int(0)
            }
            ("DEL", keys) => int(keys
                .iter()
                .filter(|key| self.keys.remove(**key).is_some())
                .count()),
            ("FLUSHALL", []) => {
                self.keys.clear();
                text("OK")
            }
            ("RPUSH", [key, items @ ..]) => self.push(key, items),
            ("PEXPIRE", [key, millis]) => self.set_expiry(key, millis),
            ("PERSIST", [key]) => {
                let key = self.keys.get_mut(*key);
                int(key.is_some_and(|key| key.expires.take().is_some()).into())
            }
            ("PTTL", [key]) => self.time_to_live(key),
            (_, [key, fields @ ..]) if name.starts_with('H') => self.on_hash(&name, key, fields),
            _ => error(format!("ERR unknown command '{name}', or wrong arguments")),
        }
    }

    /// A key whose time is over is gone when it is next looked at.
    fn expire(&mut self, key: &str) {
        let over = |held: &Key| held.expires.is_some_and(|end| end <= self.now);
        if self.keys.get(key).is_some_and(over) {
            self.keys.remove(key);
        }
    }

    fn push(&mut self, key: &str, items: &[&str]) -> Reply {
        let held = self.keys.entry(key.to_owned()).or_insert_with(|| Key {
            value: Value::List(Vec::new()),
            expires: None,
        });
        let Value::List(list) = &mut held.value else {
            return error(WRONG_TYPE);
        };
        list.extend(items.iter().map(|item| (*item).to_owned()));
        int(list.len())
    }

    fn set_expiry(&mut self, key: &str, millis: &str) -> Reply {
        let Ok(millis) = millis.parse::<u64>() else {
            return error("ERR value is not an integer or out of range");
        };
        let end = self.now.saturating_add(millis.saturating_mul(1000));
        let held = self.keys.get_mut(key);
        int(held.map(|held| held.expires = Some(end)).is_some().into())
    }

    fn time_to_live(&self, key: &str) -> Reply {
        match self.keys.get(key).map(|held| held.expires) {
            None => Reply::Int(-2),
            Some(None) => Reply::Int(-1),
            Some(Some(end)) => int((end - self.now).div_ceil(1000) as usize),
        }
    }

    fn on_hash(&mut self, name: &str, key: &str, fields: &[&str]) -> Reply {
        let empty = Hash::new();
        let held = match self.keys.get_mut(key).map(|held| &mut held.value) {
            Some(Value::List(_)) => return error(WRONG_TYPE),
            Some(Value::Hash(hash)) => Some(hash),
            None => None,
        };
        if writes(name) {
            if held.is_none() {
                let value = Value::Hash(Hash::new());
                self.keys.insert(
                    key.to_owned(),
                    Key {
                        value,
                        expires: None,
                    },
                );
            }
            return self.change_hash(name, key, fields);
        }
        let hash = held.map_or(&empty, |hash| hash);
        match (name, fields) {
            ("HGETALL", []) => {
                let pairs = hash
                    .iter()
                    .flat_map(|(field, value)| [text(field), text(value)]);
                Reply::Array(pairs.collect())
            }
            ("HKEYS", []) => Reply::Array(hash.keys().map(|field| text(field)).collect()),
            ("HVALS", []) => Reply::Array(hash.values().map(|value| text(value)).collect()),
            ("HLEN", []) => int(hash.len()),
            ("HGET", [field]) => hash.get(*field).map_or(Reply::Nil, |value| text(value)),
            _ => error(format!("ERR unknown command '{name}', or wrong arguments")),
        }
    }

    fn change_hash(&mut self, name: &str, key: &str, fields: &[&str]) -> Reply {
        let Some(Key {
            value: Value::Hash(hash),
            ..
        }) = self.keys.get_mut(key)
        else {
            return error(WRONG_TYPE);
        };
        let reply = match (name, fields) {
            ("HSET", pairs) if !pairs.is_empty() && pairs.len() % 2 == 0 => {
                let before = hash.len();
                for pair in pairs.chunks_exact(2) {
                    hash.insert(pair[0].to_owned(), pair[1].to_owned());
                }
                int(hash.len() - before)
            }
            ("HDEL", fields) if !fields.is_empty() => int(fields
                .iter()
                .filter(|field| hash.remove(**field).is_some())
                .count()),
            ("HINCRBY", [field, by]) => {
                let held = hash.get(*field).map_or(Ok(0), |held| held.parse::<i64>());
                match (held, by.parse::<i64>()) {
                    (Ok(held), Ok(by)) => {
                        hash.insert((*field).to_owned(), (held + by).to_string());
                        Reply::Int(held + by)
                    }
                    _ => error("ERR hash value is not an integer"),
                }
            }
            _ => error(format!("ERR wrong number of arguments for '{name}'")),
        };
        // Redis keeps no empty hash.
        if hash.is_empty() {
            self.keys.remove(key);
        }
        reply
    }

    pub(super) fn dump(&mut self) -> Vec<(String, Vec<(String, String)>)> {
        let now = self.now;
        self.keys
            .retain(|_, held| held.expires.is_none_or(|end| end > now));
        let fields = |value: &Value| match value {
            Value::Hash(hash) => hash
                .iter()
                .map(|(field, value)| (field.clone(), value.clone()))
                .collect(),
            Value::List(list) => list
                .iter()
                .map(|item| (item.clone(), String::new()))
                .collect(),
        };
        self.keys
            .iter()
            .map(|(key, held)| (key.clone(), fields(&held.value)))
            .collect()
    }
}

fn writes(name: &str) -> bool {
    matches!(
        name,
        "HSET" | "HDEL" | "HINCRBY" | "DEL" | "PEXPIRE" | "PERSIST" | "RPUSH" | "FLUSHALL"
    )
}
