//! Typed reading of one table: each fault is noted where it stands, and reading goes on.

use std::ops::Range;
use std::time::Duration;

use steadfast_options::{Ratio, closest, parse_duration};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::Faults;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) span: Range<usize>,
}

/// One table of the file.
pub(super) struct Fields<'a, 'i> {
    /// What messages call it, for instance `a phase`.
    pub(super) what: &'static str,
    pub(super) span: Range<usize>,
    pub(super) table: &'a DeTable<'i>,
}

type Read<T> = fn(&DeValue<'_>) -> Result<T, String>;

impl<'a, 'i> Fields<'a, 'i> {
    /// Notes every key that is not in `known`.
    pub(super) fn only(&self, known: &[&'static str], faults: &mut Faults<'_>) {
        for key in self.table.keys() {
            let name = key.get_ref().as_ref();
            if !known.contains(&name) {
                faults.add(key.span(), unknown_key(name, self.what, known));
            }
        }
    }

    pub(super) fn value(&self, key: &str) -> Option<&'a Spanned<DeValue<'i>>> {
        self.table.get(key)
    }

    pub(super) fn text(&self, key: &str, faults: &mut Faults<'_>) -> Option<At<String>> {
        self.read(key, as_text, faults)
    }

    pub(super) fn count(&self, key: &str, faults: &mut Faults<'_>) -> Option<At<u32>> {
        self.read(key, as_count, faults)
    }

    pub(super) fn duration(&self, key: &str, faults: &mut Faults<'_>) -> Option<At<Duration>> {
        self.read(key, as_duration, faults)
    }

    pub(super) fn ratio(&self, key: &str, faults: &mut Faults<'_>) -> Option<At<Ratio>> {
        self.read(key, as_ratio, faults)
    }

    /// As [`Fields::duration`], and noted where it is missing.
    pub(super) fn required(
        &self,
        key: &str,
        example: &str,
        faults: &mut Faults<'_>,
    ) -> Option<At<Duration>> {
        if self.value(key).is_none() {
            let what = self.what;
            faults.add(
                self.span.clone(),
                format!("{what} needs `{key}`, for instance {key} = \"{example}\""),
            );
        }
        self.duration(key, faults)
    }

    fn read<T>(&self, key: &str, read: Read<T>, faults: &mut Faults<'_>) -> Option<At<T>> {
        let value = self.value(key)?;
        match read(value.get_ref()) {
            Ok(read) => Some(At {
                value: read,
                span: value.span(),
            }),
            Err(reason) => {
                faults.add(value.span(), format!("{key}: {reason}"));
                None
            }
        }
    }
}

fn unknown_key(key: &str, what: &str, known: &[&'static str]) -> String {
    match closest(key, known.iter().copied()) {
        Some(near) => format!("unknown key \"{key}\"; did you mean \"{near}\"?"),
        None => format!("unknown key \"{key}\"; {what} knows {}", known.join(", ")),
    }
}

fn as_text(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        other => Err(format!("this is {}; write text in quotes", kind(other))),
    }
}

fn as_count(value: &DeValue<'_>) -> Result<u32, String> {
    let wanted = "write a whole number, such as 40";
    match value {
        DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix())
            .map_err(|_| format!("{number} is out of range; {wanted}")),
        other => Err(format!("this is {}; {wanted}", kind(other))),
    }
}

fn as_duration(value: &DeValue<'_>) -> Result<Duration, String> {
    match value {
        DeValue::String(text) => parse_duration(text),
        DeValue::Integer(_) | DeValue::Float(_) => {
            let number = number_text(value);
            Err(format!(
                "duration {number} has no unit; did you mean \"{number}ms\" or \"{number}s\"?"
            ))
        }
        other => Err(format!(
            "this is {}; write a duration, such as \"250ms\" or \"5s\"",
            kind(other)
        )),
    }
}

fn as_ratio(value: &DeValue<'_>) -> Result<Ratio, String> {
    let written = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(_) | DeValue::Float(_) => number_text(value),
        other => {
            return Err(format!(
                "this is {}; write a share, such as 0.5 or \"50%\"",
                kind(other)
            ));
        }
    };
    let share = match written.strip_suffix('%') {
        Some(percent) => percent.trim().parse().map(|percent: f64| percent / 100.0),
        None => written.parse(),
    };
    let share = share
        .map_err(|_| format!("\"{written}\" is no share; write one such as 0.5 or \"50%\""))?;
    Ratio::new(share).ok_or_else(|| match share {
        1.0..=100.0 => format!("{written} is more than all of them; did you mean \"{written}%\"?"),
        _ => format!("{written} is out of range; a share is more than 0 and at most 1 or \"100%\""),
    })
}

fn number_text(value: &DeValue<'_>) -> String {
    match value {
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A value's type, as messages put it.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
