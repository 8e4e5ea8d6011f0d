//! How a value is written: one parser per kind, for attributes, files and variables alike.

use std::time::Duration;

use crate::keyword::Keyword;
use crate::name::Name;
use crate::suggest::closest;
use crate::value::{Classes, Factor, Jitter, Ratio, Value, Window};

/// A value as it was written, before anyone knows which option it is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw<'a> {
    /// A whole number.
    Int(i128),
    /// A decimal number.
    Float(f64),
    /// `true` or `false`.
    Bool(bool),
    /// Text in quotes.
    Text(&'a str),
    /// A list of words.
    List(Vec<&'a str>),
    /// Text from a variable, where nothing tells text from a number or a list.
    Plain(&'a str),
}

impl Raw<'_> {
    fn shown(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Text(text) | Self::Plain(text) => format!("{text:?}"),
            Self::List(words) => format!("({})", words.join(", ")),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Plain(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Plain(text) => Some(text.trim()),
            _ => None,
        }
    }
}

type Parse = fn(&Raw<'_>) -> Result<Value, String>;

/// How a kind is written in the attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A literal: `max = 3`.
    Literal,
    /// Words in parentheses: `on(transient, timeout)`.
    Words,
    /// Arguments of the function in parentheses: `share(order)`.
    Arguments,
    /// The path of a function: `classify = my_function`.
    Path,
    /// An expression over the arguments: `key = user_id`.
    Expression,
}

/// What kind of value an option takes.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The kind's name on the reference page.
    pub name: &'static str,
    /// A value of this kind as an example.
    pub example: &'static str,
    /// How it is written in the attribute.
    pub form: Form,
    /// How it is read; none for code, which only attributes can hold.
    pub parse: Option<Parse>,
    /// The words it is chosen from, where it is one word out of a few.
    pub words: fn() -> Vec<&'static str>,
    pub(crate) shape: Shape,
}

/// What a kind looks like in a file, for the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Duration,
    Count {
        least: u32,
    },
    Ratio,
    Factor,
    Name,
    Window,
    Jitter,
    Classes {
        none_of: &'static [&'static str],
    },
    Word,
    /// No file holds it.
    Code,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Kind {
    pub(crate) const DURATION: Self =
        Self::new("duration", "\"5s\"", positive_duration, Shape::Duration);
    pub(crate) const PAUSE: Self = Self::new(
        "duration, 0 allowed",
        "\"0s\"",
        any_duration,
        Shape::Duration,
    );
    pub(crate) const COUNT: Self = Self::new("count", "5", count, Shape::Count { least: 1 });
    pub(crate) const COUNT_OR_ZERO: Self = Self::new(
        "count, 0 allowed",
        "0",
        count_or_zero,
        Shape::Count { least: 0 },
    );
    pub(crate) const RATIO: Self = Self::new("ratio", "0.5", ratio, Shape::Ratio);
    pub(crate) const FACTOR: Self = Self::new("number ≥ 1", "2.0", factor, Shape::Factor);
    pub(crate) const NAME: Self = Self::new("name", "\"stripe\"", name, Shape::Name);
    pub(crate) const WINDOW: Self =
        Self::new("duration or \"none\"", "\"60s\"", window, Shape::Window);
    pub(crate) const JITTER: Self = Self::new(
        "\"full\", \"equal\", \"decorrelated\", \"none\", ratio or duration",
        "\"full\"",
        jitter,
        Shape::Jitter,
    );
    pub(crate) const COUNTED: Self = Self::classes(counted_classes, &["rejected"]);
    pub(crate) const RETRIED: Self = Self::classes(retried_classes, &["expected"]);
    pub(crate) const EXPRESSION: Self = Self::code("expression", "user_id", Form::Expression);
    pub(crate) const PATH: Self = Self::code("path", "my_function", Form::Path);
    pub(crate) const ARGUMENTS: Self = Self::code("arguments", "order, client", Form::Arguments);

    const fn new(name: &'static str, example: &'static str, parse: Parse, shape: Shape) -> Self {
        Self {
            name,
            example,
            form: Form::Literal,
            parse: Some(parse),
            words: Vec::new,
            shape,
        }
    }

    const fn classes(parse: Parse, none_of: &'static [&'static str]) -> Self {
        Self {
            form: Form::Words,
            ..Self::new(
                "classes",
                "transient, timeout",
                parse,
                Shape::Classes { none_of },
            )
        }
    }

    const fn code(name: &'static str, example: &'static str, form: Form) -> Self {
        Self {
            name,
            example,
            form,
            parse: None,
            words: Vec::new,
            shape: Shape::Code,
        }
    }

    pub(crate) const fn keyword<K: Keyword + Into<Value>>() -> Self {
        Self {
            name: "word",
            example: "",
            form: Form::Literal,
            parse: Some(keyword::<K>),
            words: || {
                K::WORDS
                    .iter()
                    .map(|(word, _)| *word)
                    .chain(K::LATER.iter().copied())
                    .collect()
            },
            shape: Shape::Word,
        }
    }

    /// An option of this kind as it is written in the attribute, with an example of a value.
    ///
    /// ```
    /// let retry = steadfast_options::PolicyMeta::find("retry").unwrap();
    /// let on = retry.option("on").unwrap();
    /// assert_eq!(on.kind.usage(on.name), "on(transient, timeout)");
    /// ```
    #[must_use]
    pub fn usage(&self, name: &str) -> String {
        let example = match (self.words)().first() {
            Some(word) => format!("\"{word}\""),
            None => self.example.into(),
        };
        match self.form {
            Form::Words | Form::Arguments => format!("{name}({example})"),
            Form::Literal | Form::Path | Form::Expression => format!("{name} = {example}"),
        }
    }

    /// What may be written, in a few words.
    #[must_use]
    pub fn describe(&self) -> String {
        let words: Vec<String> = (self.words)()
            .iter()
            .map(|word| format!("\"{word}\""))
            .collect();
        if words.is_empty() {
            self.name.into()
        } else {
            words.join(" or ")
        }
    }
}

const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

const UNITS: [(&str, f64); 7] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
];

/// Reads a duration: a whole or decimal number and a unit out of ns, us, ms, s, m, h, d.
///
/// # Errors
///
/// Says what is missing or wrong, and what to write instead.
///
/// ```
/// use std::time::Duration;
/// use steadfast_options::parse_duration;
///
/// assert_eq!(parse_duration("1.5s"), Ok(Duration::from_millis(1500)));
/// assert!(parse_duration("5").unwrap_err().contains(r#"did you mean "5ms" or "5s"?"#));
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim());
    if number.is_empty() || number.parse::<f64>().is_err() {
        return Err(format!(
            "{text:?} is no duration; write a number and a unit, such as \"5s\" or \"250ms\""
        ));
    }
    if unit.is_empty() {
        return Err(format!(
            "duration {text:?} has no unit; did you mean \"{number}ms\" or \"{number}s\"?"
        ));
    }
    let Some((_, seconds)) = UNITS.iter().find(|(known, _)| *known == unit) else {
        return Err(format!(
            "duration {text:?} has an unknown unit {unit:?}; write ms, s, m, h or d"
        ));
    };
    exact(number, *seconds)
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| format!("duration {text:?} is longer than 100 years"))
}

/// Whole numbers stay exact; decimals are rounded to the nanosecond.
fn exact(number: &str, seconds: f64) -> Option<Duration> {
    let nanos = (seconds * 1e9) as u128;
    let total = match number.parse::<u64>() {
        Ok(whole) => u128::from(whole).checked_mul(nanos)?,
        Err(_) => (number.parse::<f64>().ok()? * nanos as f64).round() as u128,
    };
    let seconds = u64::try_from(total / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, (total % 1_000_000_000) as u32))
}

/// A duration as it is written: in the largest unit that holds it whole.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(steadfast_options::duration_text(Duration::from_millis(1500)), "1500ms");
/// assert_eq!(steadfast_options::duration_text(Duration::from_secs(90)), "90s");
/// ```
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let whole = |unit: u128| nanos.is_multiple_of(unit).then(|| nanos / unit);
    let units = [
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
    ];
    if nanos == 0 {
        return "0s".into();
    }
    for (unit, text) in units.into_iter().chain([(1_000_000, "ms"), (1_000, "us")]) {
        if let Some(number) = whole(unit) {
            return format!("{number}{text}");
        }
    }
    format!("{nanos}ns")
}

fn any_duration(raw: &Raw<'_>) -> Result<Value, String> {
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

fn positive_duration(raw: &Raw<'_>) -> Result<Value, String> {
    match any_duration(raw)? {
        Value::Duration(Duration::ZERO) => Err("a duration of zero is not allowed here".into()),
        value => Ok(value),
    }
}

fn count_or_zero(raw: &Raw<'_>) -> Result<Value, String> {
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

fn count(raw: &Raw<'_>) -> Result<Value, String> {
    match count_or_zero(raw)? {
        Value::Count(0) => Err("0 is out of range; write a whole number of 1 or more".into()),
        value => Ok(value),
    }
}

fn ratio(raw: &Raw<'_>) -> Result<Value, String> {
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

fn factor(raw: &Raw<'_>) -> Result<Value, String> {
    let number = raw
        .number()
        .ok_or_else(|| format!("{} is no number; write one such as 2.0", raw.shown()))?;
    Factor::new(number)
        .map(Value::Factor)
        .ok_or_else(|| format!("{number} is out of range; write a number of 1 or more"))
}

fn name(raw: &Raw<'_>) -> Result<Value, String> {
    let text = raw
        .text()
        .ok_or_else(|| format!("{} is no name; write one in quotes", raw.shown()))?;
    Name::new(text).map(Value::Name)
}

fn window(raw: &Raw<'_>) -> Result<Value, String> {
    if raw.text() == Some("none") {
        return Ok(Value::Window(Window::Unbounded));
    }
    match positive_duration(raw)? {
        Value::Duration(duration) => Ok(Value::Window(Window::For(duration))),
        other => Ok(other),
    }
}

fn jitter(raw: &Raw<'_>) -> Result<Value, String> {
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

fn counted_classes(raw: &Raw<'_>) -> Result<Value, String> {
    classes(raw, |word| match word {
        "rejected" => {
            Err("a refusal by our own guards is never a failure; leave \"rejected\" out".into())
        }
        "ignored" => Err("\"ignored\" counts as nothing; leave it out".into()),
        _ => Ok(()),
    })
}

fn retried_classes(raw: &Raw<'_>) -> Result<Value, String> {
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

fn keyword<K: Keyword + Into<Value>>(raw: &Raw<'_>) -> Result<Value, String> {
    let text = raw
        .text()
        .ok_or_else(|| format!("{} is no word; write one in quotes", raw.shown()))?;
    K::from_word(text).map(Into::into)
}
