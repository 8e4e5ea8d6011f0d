//! Files: TOML, YAML or JSON by their ending, read as a whole.

mod json;
mod node;
mod toml;
mod yaml;

use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::path::Path;

pub(crate) use node::{Content, Key, Mark, Node, Wrong};

/// Bytes of a file at most.
const LARGEST: u64 = 1 << 20;
const TOO_LARGE: &str = "it is larger than 1 MiB; no configuration needs as much";

/// What is wrong with a file as a whole, or at places in it.
#[derive(Debug)]
pub(crate) enum Unreadable {
    Whole(String),
    At(Vec<Wrong>),
}

/// Reads a file.
///
/// # Errors
///
/// What is wrong with it, all of it where the format's parser can tell.
pub(crate) fn read(path: &Path) -> Result<Node, Unreadable> {
    let parse = parser(path).map_err(Unreadable::Whole)?;
    let bytes = contents(path).map_err(Unreadable::Whole)?;
    parse_bytes(parse, &bytes)
}

/// Reads what a file of this name would hold.
///
/// # Errors
///
/// As [`read`].
#[cfg(feature = "testing")]
pub(crate) fn read_bytes(name: &Path, bytes: &[u8]) -> Result<Node, Unreadable> {
    let parse = parser(name).map_err(Unreadable::Whole)?;
    if bytes.len() as u64 > LARGEST {
        return Err(Unreadable::Whole(TOO_LARGE.into()));
    }
    parse_bytes(parse, bytes)
}

type Parse = fn(&str) -> Result<Node, Vec<Wrong>>;

/// The parser of a file's format.
fn parser(path: &Path) -> Result<Parse, String> {
    let ending = path.extension().and_then(|ending| ending.to_str());
    match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("toml") => Ok(toml::parse),
        Some("yaml" | "yml") => Ok(yaml::parse),
        Some("json") => Ok(json::parse),
        Some(other) => Err(format!(
            "unknown ending \".{other}\"; write a .toml, .yaml or .json file"
        )),
        None => Err("it has no ending; write a .toml, .yaml or .json file".into()),
    }
}

fn parse_bytes(parse: Parse, bytes: &[u8]) -> Result<Node, Unreadable> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let sound = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
            let at = node::Lines::of(&sound).mark(sound.len());
            let message = "this is no UTF-8; save the file in that encoding";
            return Err(Unreadable::At(vec![Wrong::new(at, message)]));
        }
    };
    if text.trim().is_empty() {
        return Err(Unreadable::Whole(
            "it is empty; where nothing is to be configured, write a comment or an empty table"
                .into(),
        ));
    }
    parse(text).map_err(Unreadable::At)
}

/// What a file holds.
///
/// # Errors
///
/// Why it can't be had.
pub(crate) fn contents(path: &Path) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => "it does not exist".to_owned(),
        ErrorKind::PermissionDenied => "it can't be read: permission denied".to_owned(),
        _ => format!("it can't be read: {error}"),
    };
    let metadata = fs::metadata(path).map_err(told)?;
    if metadata.is_dir() {
        return Err("it is a directory; name a file in it".into());
    }
    if !metadata.is_file() {
        return Err("it is no file, but a pipe, socket or device".into());
    }
    let mut bytes = Vec::new();
    let mut file = File::open(path).map_err(told)?.take(LARGEST + 1);
    file.read_to_end(&mut bytes).map_err(told)?;
    if bytes.len() as u64 > LARGEST {
        return Err(TOO_LARGE.into());
    }
    Ok(bytes)
}
