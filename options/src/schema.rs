//! The JSON Schema of configuration files, for editors.

use std::fmt::Write as _;

use crate::kind::Shape;
use crate::table::{OptionMeta, POLICIES, Place, PolicyMeta, Served};
use crate::value::Classes;

const NAME: &str = r#"{ "type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$" }"#;
const DURATION: &str =
    r#"{ "type": "string", "pattern": "^\\s*[0-9]+(\\.[0-9]+)?\\s*(ns|us|ms|s|m|h|d)\\s*$" }"#;
const RATIO: &str = concat!(
    r#"{ "anyOf": [{ "type": "number", "exclusiveMinimum": 0, "maximum": 1 }, "#,
    r#"{ "type": "string", "pattern": "^\\s*[0-9]+(\\.[0-9]+)?\\s*%$" }] }"#
);

/// The text of `steadfast.schema.json`.
#[must_use]
pub fn schema() -> String {
    let mut root = Object::new();
    root.add(
        "$schema",
        &text("https://json-schema.org/draft/2020-12/schema"),
    );
    root.add("title", &text("Configuration of steadfast"));
    root.add("type", &text("object"));
    root.add("properties", &tables().closed());
    root.add("additionalProperties", "false");
    root.closed() + "\n"
}

fn tables() -> Object {
    let mut tables = Object::new();
    tables.add("$schema", r#"{ "type": "string" }"#);
    let defaults = |option: &OptionMeta| option.name != "name";
    let mut all = options(&POLICIES[0], defaults);
    for policy in served_policies() {
        all.add(policy.name, &table(&options(policy, defaults)));
    }
    tables.add(
        "defaults",
        &described(
            &table(&all),
            "Values of options that neither the code nor a name sets.",
        ),
    );
    for policy in served_policies().filter(|policy| policy.shorthand == Some("name")) {
        let own = options(policy, |option| option.place == Place::Registry);
        let meaning = format!("By name. {}", policy.meaning);
        tables.add(policy.name, &described(&by_name(&own), &meaning));
    }
    let mut call = options(&POLICIES[0], |_| true);
    for policy in served_policies() {
        let own = table(&options(policy, |option| option.place == Place::Call));
        let own = match policy.shorthand {
            Some("name") => format!("{{ \"anyOf\": [{NAME}, {own}] }}"),
            _ => own,
        };
        call.add(policy.name, &described(&own, policy.meaning));
    }
    tables.add("call", &described(&by_name(&call), "Calls by name."));
    tables.add(
        "redis",
        &described(
            &table(&redis()),
            "The Redis that what is shared is kept in; needs the feature `redis`. What it says beats the \
             code, and variables beat it.",
        ),
    );
    tables
}

/// Where Redis is. These are no options of a policy: the table has no rows for them.
fn redis() -> Object {
    const TEXT: &str = r#"{ "type": "string" }"#;
    let mut all = Object::new();
    let mut add =
        |name: &str, value: &str, meaning: &str| all.add(name, &described(value, meaning));
    let url = r#"{ "type": "string", "pattern": "^(rediss?|unix)://" }"#;
    add("url", url, "Where it is: redis://, rediss:// or unix://.");
    let urls = format!(r#"{{ "type": "array", "items": {url}, "minItems": 1 }}"#);
    add(
        "urls",
        &urls,
        "The sentinels, or some nodes of the cluster.",
    );
    let kinds = r#"{ "enum": ["standalone", "sentinel", "cluster"] }"#;
    add("kind", kinds, "Default: standalone.");
    add(
        "master",
        TEXT,
        "The name by which sentinels know the servers.",
    );
    add(
        "username",
        TEXT,
        "Of the servers; beats the one in an address.",
    );
    add(
        "password",
        TEXT,
        "Of the servers; better set by STEADFAST_REDIS_PASSWORD.",
    );
    add(
        "database",
        r#"{ "type": "integer", "minimum": 0 }"#,
        "Default: 0.",
    );
    add(
        "ca_file",
        TEXT,
        "PEM file; the system's authorities unless set.",
    );
    add(
        "client_cert",
        TEXT,
        "PEM file of this program's certificate.",
    );
    add("client_key", TEXT, "PEM file of its key.");
    let prefix = r#"{ "type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$" }"#;
    add(
        "key_prefix",
        prefix,
        "What all keys begin with. Default: steadfast.",
    );
    let count = r#"{ "type": "integer", "minimum": 1 }"#;
    add(
        "expected_instances",
        count,
        "While Redis has never been seen. Default: 1.",
    );
    all
}

fn served_policies() -> impl Iterator<Item = &'static PolicyMeta> {
    let policies = POLICIES[1..].iter();
    policies.filter(|policy| policy.served() == Served::Yes)
}

/// The options that files may hold and that do something.
fn options(policy: &PolicyMeta, of: impl Fn(&OptionMeta) -> bool) -> Object {
    let mut all = Object::new();
    let served = policy.options.iter().filter(|option| {
        option.served == Served::Yes && option.place != Place::Attribute && of(option)
    });
    for option in served {
        let default = option
            .default
            .map_or("off".into(), |default| default.to_string());
        let meaning = format!("{} Default: {default}.", option.meaning());
        all.add(option.name, &described(&value(option), &meaning));
    }
    all
}

fn value(option: &OptionMeta) -> String {
    let words = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| text(word)).collect();
        format!("{{ \"enum\": [{}] }}", words.join(", "))
    };
    match option.kind.shape {
        Shape::Duration => DURATION.into(),
        Shape::Count { least } => format!(
            "{{ \"type\": \"integer\", \"minimum\": {least}, \"maximum\": {} }}",
            u32::MAX
        ),
        Shape::Ratio => RATIO.into(),
        Shape::Factor => r#"{ "type": "number", "minimum": 1 }"#.into(),
        Shape::Name => NAME.into(),
        Shape::Folder => r#"{ "type": "string", "minLength": 1 }"#.into(),
        Shape::Window => format!("{{ \"anyOf\": [{}, {DURATION}] }}", words(&["none"])),
        Shape::Jitter => format!(
            "{{ \"anyOf\": [{}, {RATIO}, {DURATION}] }}",
            words(&["full", "equal", "decorrelated", "none"])
        ),
        Shape::Classes { none_of } => {
            let known = Classes::WORDS.iter().map(|(word, _)| *word);
            let known: Vec<_> = known.filter(|word| !none_of.contains(word)).collect();
            format!(
                "{{ \"type\": \"array\", \"items\": {}, \"minItems\": 1, \"uniqueItems\": true }}",
                words(&known)
            )
        }
        Shape::Word => words(&option.kind.words()),
        Shape::Code => "false".into(),
    }
}

fn table(properties: &Object) -> String {
    let mut object = Object::new();
    object.add("type", &text("object"));
    object.add("properties", &properties.closed());
    object.add("additionalProperties", "false");
    object.closed()
}

fn by_name(properties: &Object) -> String {
    let mut object = Object::new();
    object.add("type", &text("object"));
    object.add("additionalProperties", &table(properties));
    object.closed()
}

/// A schema with a description in front.
fn described(schema: &str, meaning: &str) -> String {
    let rest = schema.trim_start_matches('{').trim_start();
    let wide = schema.contains('\n');
    let gap = if wide { "\n" } else { " " };
    let indent = if wide { "  " } else { "" };
    format!(
        "{{{gap}{indent}\"description\": {},{gap}{indent}{rest}",
        text(meaning)
    )
}

fn text(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// An object as indented text.
struct Object(String);

impl Object {
    fn new() -> Self {
        Self(String::new())
    }

    fn add(&mut self, key: &str, value: &str) {
        let separator = if self.0.is_empty() { "" } else { ",\n" };
        let value = value.replace('\n', "\n  ");
        let _ = write!(self.0, "{separator}  {}: {value}", text(key));
    }

    fn closed(&self) -> String {
        format!("{{\n{}\n}}", self.0)
    }
}
