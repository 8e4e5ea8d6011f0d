//! The table `[redis]` of a file, and the variables that say where Redis is.

use std::path::{Path, PathBuf};

use steadfast_options::closest;

use super::file::{Content, Key, Mark, Node};
use super::words::shown;
use crate::shared::{RedisSettings, Secret, ServerKind, check_prefix, check_url};

const KEYS: [&str; 12] = [
    "url",
    "urls",
    "kind",
    "master",
    "username",
    "password",
    "database",
    "ca_file",
    "client_cert",
    "client_key",
    "key_prefix",
    "expected_instances",
];

/// What is wrong, and where.
type Wrong = (Mark, String);

/// Reads one key of the table into the settings. Relative paths start at the file's folder.
pub(super) fn key(
    settings: &mut RedisSettings,
    key: &Key,
    node: &Node,
    file: &Path,
) -> Result<(), Wrong> {
    let wrong = |message: String| (node.at, format!("`redis.{}`: {message}", key.text));
    match key.text.as_str() {
        "url" => {
            let url = text(node).and_then(|text| url(&text)).map_err(wrong)?;
            one_form(settings, key)?;
            settings.urls = Some(vec![url]);
        }
        "urls" => {
            let urls = urls(node, &wrong)?;
            one_form(settings, key)?;
            settings.urls = Some(urls);
        }
        "kind" => {
            let kind = text(node).and_then(|text| ServerKind::parse(&text));
            settings.kind = Some(kind.map_err(wrong)?);
        }
        "master" => settings.master = Some(text(node).map_err(wrong)?),
        "username" => settings.username = Some(text(node).map_err(wrong)?),
        "password" => settings.password = Some(Secret::new(text(node).map_err(wrong)?)),
        "database" => settings.database = Some(i64::from(count(node, 0).map_err(wrong)?)),
        "ca_file" => settings.ca_file = Some(path(node, file).map_err(wrong)?),
        "client_cert" => settings.client_cert = Some(path(node, file).map_err(wrong)?),
        "client_key" => settings.client_key = Some(path(node, file).map_err(wrong)?),
        "key_prefix" => {
            let prefix = text(node).map_err(wrong)?;
            check_prefix(&prefix).map_err(wrong)?;
            settings.key_prefix = Some(prefix);
        }
        "expected_instances" => {
            settings.expected_instances = Some(count(node, 1).map_err(wrong)?);
        }
        unknown => return Err((key.at, unknown_key(unknown))),
    }
    Ok(())
}

/// An address of a variable, or what is wrong with it.
pub(super) fn url(text: &str) -> Result<Secret, String> {
    check_url(text)?;
    Ok(Secret::new(text))
}

fn one_form(settings: &RedisSettings, key: &Key) -> Result<(), Wrong> {
    match settings.urls {
        None => Ok(()),
        Some(_) => Err((
            key.at,
            "`url` and `urls` exclude each other; keep one of them".into(),
        )),
    }
}

fn urls(node: &Node, wrong: &impl Fn(String) -> Wrong) -> Result<Vec<Secret>, Wrong> {
    let Content::List(items) = &node.content else {
        let message = "it is no list; write one such as [\"redis://127.0.0.1:7000\"]";
        return Err(wrong(message.into()));
    };
    if items.is_empty() {
        return Err(wrong("the list is empty; write one address or more".into()));
    }
    let read = |item| {
        let url = text(item).and_then(|text| url(&text));
        url.map_err(|message| (item.at, wrong(message).1))
    };
    items.iter().map(read).collect()
}

/// What is there is not shown where it is no text either: it may be a part of a secret.
fn text(node: &Node) -> Result<String, String> {
    match &node.content {
        Content::Text(text) => Ok(text.clone()),
        _ => Err("it is no text; write it in quotes".into()),
    }
}

fn path(node: &Node, file: &Path) -> Result<PathBuf, String> {
    let path = text(node)?;
    Ok(file.parent().unwrap_or(Path::new("")).join(path))
}

fn count(node: &Node, least: u32) -> Result<u32, String> {
    let number = match node.content {
        Content::Int(number) => u32::try_from(number).ok(),
        _ => None,
    };
    number
        .filter(|number| *number >= least)
        .ok_or_else(|| format!("{} is no count of {least} or more", shown(node)))
}

fn unknown_key(given: &str) -> String {
    match closest(given, KEYS) {
        Some(near) => format!("unknown option \"{given}\"; did you mean \"{near}\"?"),
        None => format!(
            "unknown option \"{given}\"; `redis` has {}",
            KEYS.join(", ")
        ),
    }
}
