//! Names and values of a file, as the table of options knows them.

use steadfast_options::{Form, OptionMeta, POLICIES, PolicyMeta, Raw, closest};

use super::file::{Content, Node};

/// The tables of a file.
const ROOT: [&str; 6] = [
    "defaults",
    "breaker",
    "rate_limit",
    "bulkhead",
    "call",
    "redis",
];

/// The option of this name; for the call itself, what is wrong may be the name of a policy.
pub(super) fn option(
    policy: &'static PolicyMeta,
    name: &str,
) -> Result<&'static OptionMeta, String> {
    let is_known = policy.options.iter().any(|option| option.name == name);
    if !is_known && policy.name.is_empty() {
        PolicyMeta::find(name)?;
    }
    policy.option(name)
}

/// The policy of this name, but the call itself.
pub(super) fn policy(name: &str) -> Option<&'static PolicyMeta> {
    POLICIES[1..].iter().find(|policy| policy.name == name)
}

pub(super) fn unknown_at_root(given: &str) -> String {
    if policy(given).is_some() || option(&POLICIES[0], given).is_ok() {
        return format!("`{given}` belongs into [defaults] or [call.\"…\"]");
    }
    match closest(given, ROOT) {
        Some(near) => format!("unknown table \"{given}\"; did you mean \"{near}\"?"),
        None => format!("unknown table \"{given}\"; there are {}", ROOT.join(", ")),
    }
}

pub(super) fn raw<'n>(node: &'n Node, option: &OptionMeta) -> Result<Raw<'n>, String> {
    let takes_words = option.kind.form == Form::Words;
    Ok(match &node.content {
        Content::List(items) if takes_words => {
            let words = items.iter().map(|item| match &item.content {
                Content::Text(word) => Ok(word.as_str()),
                _ => Err(format!("{} is no word; write each in quotes", shown(item))),
            });
            Raw::List(words.collect::<Result<_, _>>()?)
        }
        _ if takes_words => {
            let example = option.kind.example.replace(", ", "\", \"");
            return Err(format!(
                "{} is no list; write one such as [\"{example}\"]",
                shown(node)
            ));
        }
        Content::Int(number) => Raw::Int(*number),
        Content::Float(number) => Raw::Float(*number),
        Content::Bool(value) => Raw::Bool(*value),
        Content::Text(text) => Raw::Text(text),
        Content::List(_) | Content::Table(_) | Content::Other(_) => {
            return Err(format!(
                "{} is no {}; write {}",
                shown(node),
                option.kind.name,
                example(option)
            ));
        }
    })
}

fn example(option: &OptionMeta) -> String {
    match option.kind.words().first() {
        Some(word) => format!("one such as \"{word}\""),
        None => format!("one such as {}", option.kind.example),
    }
}

pub(super) fn shown(node: &Node) -> String {
    match &node.content {
        Content::Table(_) => "a table".into(),
        Content::List(_) => "a list".into(),
        Content::Int(number) => number.to_string(),
        Content::Float(number) => number.to_string(),
        Content::Bool(value) => value.to_string(),
        Content::Text(text) => format!("the text {text:?}"),
        Content::Other(what) => (*what).into(),
    }
}
