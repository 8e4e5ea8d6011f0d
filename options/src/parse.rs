//! One parser per kind of value.

use std::time::Duration;

use crate::duration::parse_duration;
use crate::folder::Folder;
use crate::keyword::Keyword;
use crate::kind::Raw;
use crate::name::Name;
use crate::suggest::closest;
use crate::value::{Classes, Factor, Jitter, Ratio, Value, Window};

pub(crate) fn any_duration(raw: &Raw<'_>) -> Result<Value, String> {
    match raw {
        Raw::Text(text) | Raw::Plain(text) => parse_duration(text).map(Value::Duration),
        Raw::Int(number) => Err(format!(
            "duration {number} has no unit; did you mean \"{number}ms\" or \"{number}s\"?"
        )),
        other => Err(format!(
            "{} is no duration; write text such as \"5s\"",
            other.shown()
        )),
    }
}

pub(crate) fn positive_duration(raw: &Raw<'_>) -> Result<Value, String> {
    match any_duration(raw)? {
        Value::Duration(Duration::ZERO) => Err("a duration of zero is not allowed here".into()),
        value => Ok(value),
    }
}

pub(crate) fn count_or_zero(raw: &Raw<'_>) -> Result<Value, String> {
    let number = match raw {
        Raw::Int(number) => Some(*number),
        Raw::Plain(text) => text.trim().parse().ok(),
        Raw::Text(text) if text.parse::<u32>().is_ok() => {
            return Err(format!("{text:?} is text; write {text} without quotes"));
        }
        _ => None,
    };
    let number =
        number.ok_or_else(|| format!("{} is no count; write a whole number", raw.shown()))?;
    u32::try_from(number).map(Value::Count).map_err(|_| {
        format!(
            "{number} is out of range; write a whole number up to {}",
            u32::MAX
        )
    })
}

pub(crate) fn count(raw: &Raw<'_>) -> Result<Value, String> {
    match count_or_zero(raw)? {
        Value::Count(0) => Err("0 is out of range; write a whole number of 1 or more".into()),
        value => Ok(value),
    }
}

pub(crate) fn ratio(raw: &Raw<'_>) -> Result<Value, String> {
    ratio_of(raw)?.map(Value::Ratio).ok_or_else(|| {
        format!(
            "{} is no ratio; write a share such as 0.5 or \"50%\"",
            raw.shown()
        )
    })
}

/// None where `raw` is not written as a ratio at all.
fn ratio_of(raw: &Raw<'_>) -> Result<Option<Ratio>, String> {
    let percent = raw.text().and_then(|text| text.strip_suffix('%'));
    let share = match percent {
        Some(number) => number.trim().parse().ok().map(|number: f64| number / 100.0),
        None => raw.number(),
    };
    let Some(share) = share else { return Ok(None) };
    Ratio::new(share).map(Some).ok_or_else(|| {
        let meant = if (1.0..=100.0).contains(&share) {
            format!("; did you mean \"{share}%\"?")
        } else {
            "; a ratio is more than 0 and at most 1".into()
        };
        format!("ratio {} is out of range{meant}", raw.shown())
    })
}

pub(crate) fn factor(raw: &Raw<'_>) -> Result<Value, String> {
    let number = raw
        .number()
        .ok_or_else(|| format!("{} is no number; write one such as 2.0", raw.shown()))?;
    Factor::new(number)
        .map(Value::Factor)
        .ok_or_else(|| format!("{number} is out of range; write a number of 1 or more"))
}

pub(crate) fn name(raw: &Raw<'_>) -> Result<Value, String> {
    let text = raw
        .text()
        .ok_or_else(|| format!("{} is no name; write one in quotes", raw.shown()))?;
    Name::new(text).map(Value::Name)
}

pub(crate) fn folder(raw: &Raw<'_>) -> Result<Value, String> {
    let text = raw
        .text()
        .ok_or_else(|| format!("{} is no folder; write a path in quotes", raw.shown()))?;
    Folder::new(text).map(Value::Folder)
}

pub(crate) fn window(raw: &Raw<'_>) -> Result<Value, String> {
    if raw.text() == Some("none") {
        return Ok(Value::Window(Window::Unbounded));
    }
    match positive_duration(raw)? {
        Value::Duration(duration) => Ok(Value::Window(Window::For(duration))),
        other => Ok(other),
    }
}

pub(crate) fn jitter(raw: &Raw<'_>) -> Result<Value, String> {
    const WORDS: [(&str, Jitter); 4] = [
        ("full", Jitter::Full),
        ("equal", Jitter::Equal),
        ("decorrelated", Jitter::Decorrelated),
        ("none", Jitter::None),
    ];
    if let Some(ratio) = ratio_of(raw)? {
        return Ok(Value::Jitter(Jitter::Ratio(ratio)));
    }
    let text = raw.text().unwrap_or_default();
    if let Some((_, jitter)) = WORDS.iter().find(|(word, _)| *word == text) {
        return Ok(Value::Jitter(*jitter));
    }
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        return parse_duration(text).map(|duration| Value::Jitter(Jitter::Within(duration)));
    }
    Err(match closest(text, WORDS.map(|(word, _)| word)) {
        Some(near) => format!("unknown jitter {}; did you mean \"{near}\"?", raw.shown()),
        None => format!(
            "{} is no jitter; write \"full\", \"equal\", \"decorrelated\", \"none\", a ratio or a duration",
            raw.shown()
        ),
    })
}

pub(crate) fn counted_classes(raw: &Raw<'_>) -> Result<Value, String> {
    classes(raw, |word| match word {
        "rejected" => {
            Err("a refusal by our own guards is never a failure; leave \"rejected\" out".into())
        }
        "ignored" => Err("\"ignored\" counts as nothing; leave it out".into()),
        _ => Ok(()),
    })
}

pub(crate) fn retried_classes(raw: &Raw<'_>) -> Result<Value, String> {
    classes(raw, |word| match word {
        "expected" | "ignored" => Err(format!("\"{word}\" is never retried; leave it out")),
        _ => Ok(()),
    })
}

fn classes(raw: &Raw<'_>, allowed: fn(&str) -> Result<(), String>) -> Result<Value, String> {
    let words: Vec<&str> = match raw {
        Raw::List(words) => words.clone(),
        Raw::Plain(text) => text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
            .collect(),
        other => {
            return Err(format!(
                "{} is no list of classes; write some such as transient, timeout",
                other.shown()
            ));
        }
    };
    if words.is_empty() {
        return Err("an empty list of classes; name at least one, such as transient".into());
    }
    let mut set = Classes::NONE;
    for word in words {
        allowed(word)?;
        let known = Classes::WORDS.iter().find(|(known, _)| *known == word);
        let (_, class) = known.ok_or_else(|| unknown_class(word))?;
        if set.contains(*class) {
            return Err(format!("class \"{word}\" is given twice"));
        }
        set = set.with(*class);
    }
    Ok(Value::Classes(set))
}

fn unknown_class(word: &str) -> String {
    let words = Classes::WORDS.iter().map(|(word, _)| *word);
    match closest(word, words.clone()) {
        Some(near) => format!("unknown class \"{word}\"; did you mean \"{near}\"?"),
        None => format!(
            "unknown class \"{word}\"; the classes are {}",
            words.collect::<Vec<_>>().join(", ")
        ),
    }
}

pub(crate) fn keyword<K: Keyword + Into<Value>>(raw: &Raw<'_>) -> Result<Value, String> {
    K::from_word(word(raw)?).map(Into::into)
}

fn word<'a>(raw: &'a Raw<'_>) -> Result<&'a str, String> {
    let text = raw.text();
    text.ok_or_else(|| format!("{} is no word; write one in quotes", raw.shown()))
}
