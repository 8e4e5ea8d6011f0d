//! What a file says: tables and keys become settings.

use std::path::Path;
use std::sync::Arc;

use steadfast_options::{Name, POLICIES, Place, PolicyMeta, Setting, Value};

use super::file::{self, Content, Key, Mark, Node, Unreadable, Wrong};
use super::layers::{Entry, Target, Whom};
use super::report::{At, Fault};
use super::words::{option, policy, raw, shown, unknown_at_root};
use super::{FilePlace, Given, Kind, Origin};

/// What one file says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) defaults: Vec<Given>,
    pub(crate) entries: Vec<Entry>,
    /// Each table of a name, be it empty.
    pub(crate) mentioned: Vec<(Target, Origin)>,
    pub(crate) faults: Vec<Fault>,
    #[cfg(feature = "redis")]
    pub(crate) redis: crate::shared::RedisSettings,
}

/// Reads a file, and what is wrong with it.
pub(crate) fn read(path: &Path) -> Said {
    said(path, file::read(path))
}

/// Reads what a file of this name would hold.
#[cfg(feature = "testing")]
pub(crate) fn read_bytes(name: &Path, bytes: &[u8]) -> Said {
    said(name, file::read_bytes(name, bytes))
}

fn said(path: &Path, content: Result<Node, Unreadable>) -> Said {
    let file: Arc<str> = path.display().to_string().into();
    let mut reader = Reader {
        file: file.clone(),
        said: Said::default(),
    };
    match content {
        Ok(root) => reader.root(&root),
        Err(Unreadable::At(all)) => all.into_iter().for_each(|wrong| reader.wrong(wrong)),
        Err(Unreadable::Whole(message)) => {
            let at = At::Whole(file);
            reader.said.faults.push(Fault { at, message });
        }
    }
    reader.said
}

struct Reader {
    file: Arc<str>,
    said: Said,
}

impl Reader {
    fn place(&self, at: Mark) -> FilePlace {
        FilePlace {
            file: self.file.clone(),
            line: at.line,
            column: at.column,
        }
    }

    fn wrong(&mut self, Wrong { at, message }: Wrong) {
        let origin = Origin::File(self.place(at));
        self.said.faults.push(Fault::new(&origin, message));
    }

    fn fault(&mut self, at: Mark, message: impl Into<String>) {
        self.wrong(Wrong::new(at, message));
    }

    /// The keys of a table; none, and a fault, where it is something else.
    fn table<'n>(&mut self, node: &'n Node, what: &str) -> &'n [(Key, Node)] {
        if let Content::Table(pairs) = &node.content {
            return pairs;
        }
        self.fault(
            node.at,
            format!("{what} is a table; this is {}", shown(node)),
        );
        &[]
    }

    fn root(&mut self, root: &Node) {
        for (key, node) in self.table(root, "a configuration") {
            match key.text.as_str() {
                "defaults" => self.defaults(node),
                "breaker" => self.named(Kind::Breaker, node),
                "rate_limit" => self.named(Kind::RateLimit, node),
                "bulkhead" => self.named(Kind::Bulkhead, node),
                "call" => self.calls(node),
                #[cfg(feature = "redis")]
                "redis" => self.redis(node),
                #[cfg(not(feature = "redis"))]
                "redis" => self.fault(
                    key.at,
                    "this program shares nothing through Redis; build it with the feature `redis` of \
                     steadfast",
                ),
                // Editors find the schema by it.
                "$schema" if matches!(node.content, Content::Text(_)) => {}
                unknown => self.fault(key.at, unknown_at_root(unknown)),
            }
        }
    }

    #[cfg(feature = "redis")]
    fn redis(&mut self, node: &Node) {
        let file = self.file.clone();
        for (key, value) in self.table(node, "`redis`") {
            let read = super::redis::key(&mut self.said.redis, key, value, Path::new(&*file));
            if let Err((at, message)) = read {
                self.fault(at, message);
            }
        }
    }

    fn defaults(&mut self, node: &Node) {
        for (key, node) in self.table(node, "`defaults`") {
            let Some(policy) = policy(&key.text) else {
                self.default(&POLICIES[0], key, node);
                continue;
            };
            for (key, value) in self.table(node, &format!("`defaults.{}`", policy.name)) {
                self.default(policy, key, value);
            }
        }
    }

    fn default(&mut self, policy: &'static PolicyMeta, key: &Key, value: &Node) {
        if key.text == "name" {
            return self.fault(key.at, "a default has no name; leave `name` out");
        }
        if let Some(setting) = self.setting(policy, key, value) {
            let origin = Origin::Defaults(self.place(value.at));
            self.said.defaults.push(Given { setting, origin });
        }
    }

    /// A setting that a file may hold.
    fn setting(&mut self, policy: &'static PolicyMeta, key: &Key, value: &Node) -> Option<Setting> {
        let option = match option(policy, &key.text) {
            Ok(option) => option,
            Err(message) => {
                self.fault(key.at, message);
                return None;
            }
        };
        let path = option.path;
        if option.place == Place::Attribute {
            let message = format!("`{path}` belongs to the code: only the attribute can hold it");
            self.fault(key.at, message);
            return None;
        }
        let read = raw(value, option).and_then(|raw| Setting::parse(path, &raw));
        match read {
            Ok(setting) => Some(setting),
            Err(message) => {
                self.fault(value.at, format!("`{path}`: {message}"));
                None
            }
        }
    }

    fn named(&mut self, kind: Kind, node: &Node) {
        let policy = kind.word();
        for (name, node) in self.table(node, &format!("`{policy}`")) {
            if let Some(target) = self.target(name, |whom| Target::Named(kind, whom)) {
                for (key, value) in self.table(node, &format!("`{policy}.{}`", name.text)) {
                    self.named_option(kind, name, key, value, &target);
                }
            }
        }
    }

    fn named_option(&mut self, kind: Kind, name: &Key, key: &Key, value: &Node, target: &Target) {
        let (word, option) = (kind.word(), &key.text);
        let Some(policy) = policy(word) else { return };
        let known = policy.options.iter().find(|known| known.name == *option);
        match known.map(|option| option.place) {
            Some(Place::Call) => {
                let message = format!(
                    "`{option}` belongs to the call, not to the {word} it uses: write \
                     `{word}.{option}` in [call.\"…\"]"
                );
                self.fault(key.at, message);
            }
            None if matches!(value.content, Content::Table(_)) => {
                self.torn_name(word, name, key, value, target);
            }
            _ => {
                let setting = self.setting(policy, key, value);
                self.entry(target, setting, value.at);
            }
        }
    }

    /// A name with dots and without quotes is a table in a table in a table.
    fn torn_name(&mut self, word: &str, name: &Key, key: &Key, value: &Node, target: &Target) {
        let mut whole = format!("{}.{}", name.text, key.text);
        let mut inner = value;
        while let Content::Table(pairs) = &inner.content
            && let [(key, value)] = &pairs[..]
            && matches!(value.content, Content::Table(_))
        {
            whole = format!("{whole}.{}", key.text);
            inner = value;
        }
        let message = format!(
            "unknown option {:?}; a name with a \".\" in it stands in quotes: [{word}.{whole:?}]",
            key.text
        );
        self.fault(key.at, message);
        // One report is enough.
        self.said.mentioned.retain(|(known, _)| known != target);
    }

    fn entry(&mut self, target: &Target, setting: Option<Setting>, at: Mark) {
        let Some(setting) = setting else { return };
        let origin = Origin::File(self.place(at));
        self.said.entries.push(Entry {
            target: target.clone(),
            given: Given { setting, origin },
        });
    }

    /// Whom a table is about; none, and a fault, where its key is no name.
    fn target(&mut self, name: &Key, target: impl Fn(Whom) -> Target) -> Option<Target> {
        // Where two functions have one default name, their lines tell them apart.
        let (start, line) = name.text.rsplit_once('@').unwrap_or((&name.text, "0"));
        let checked = if line.bytes().all(|b| b.is_ascii_digit()) {
            Name::check(start)
        } else {
            Name::check(&name.text)
        };
        if let Err(message) = checked {
            self.fault(name.at, message);
            return None;
        }
        let target = target(Whom::Name(name.text.as_str().into()));
        let origin = Origin::File(self.place(name.at));
        self.said.mentioned.push((target.clone(), origin));
        Some(target)
    }

    fn calls(&mut self, node: &Node) {
        for (name, node) in self.table(node, "`call`") {
            let Some(target) = self.target(name, Target::Call) else {
                continue;
            };
            for (key, value) in self.table(node, &format!("`call.{}`", name.text)) {
                match policy(&key.text) {
                    Some(policy) => self.policy_of_call(policy, value, &target),
                    None => self.call_option(name, key, value, &target),
                }
            }
        }
    }

    fn call_option(&mut self, name: &Key, key: &Key, value: &Node, target: &Target) {
        let is_known = POLICIES[0]
            .options
            .iter()
            .any(|option| option.name == key.text);
        if !is_known && matches!(value.content, Content::Table(_)) {
            return self.torn_name("call", name, key, value, target);
        }
        let setting = self.setting(&POLICIES[0], key, value);
        self.entry(target, setting, value.at);
    }

    /// `breaker = "name"`, or a table of options that belong to the call.
    fn policy_of_call(&mut self, policy: &'static PolicyMeta, node: &Node, target: &Target) {
        let word = policy.name;
        if let (Content::Text(_), Some("name")) = (&node.content, policy.shorthand) {
            let key = Key {
                text: "name".into(),
                at: node.at,
            };
            let setting = self.setting(policy, &key, node);
            return self.entry(target, setting, node.at);
        }
        let pairs = self.table(node, &format!("`{word}`"));
        if pairs.is_empty() && matches!(node.content, Content::Table(_)) {
            let declared = Setting {
                path: word,
                value: Value::Declared,
            };
            self.entry(target, Some(declared), node.at);
        }
        for (key, value) in pairs {
            let known = policy.options.iter().find(|option| option.name == key.text);
            if known.is_some_and(|option| option.place == Place::Registry) {
                let option = &key.text;
                let message = format!(
                    "`{option}` belongs to the {word} that the call names: write it in \
                     [{word}.\"…\"]"
                );
                self.fault(key.at, message);
            } else {
                let setting = self.setting(policy, key, value);
                self.entry(target, setting, value.at);
            }
        }
    }
}
