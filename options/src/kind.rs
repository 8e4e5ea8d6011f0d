//! How a value is written: one parser per kind, for attributes, files and variables alike.

use crate::keyword::Keyword;
use crate::parse;
use crate::value::Value;

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
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Int(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Bool(value) => value.to_string(),
            Self::Text(text) | Self::Plain(text) => format!("{text:?}"),
            Self::List(words) => format!("({})", words.join(", ")),
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            Self::Plain(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
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
    /// The words it is chosen from, and those that nothing serves yet.
    words: [&'static [&'static str]; 2],
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
    Folder,
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
    pub(crate) const DURATION: Self = Self::new(
        "duration",
        "\"5s\"",
        parse::positive_duration,
        Shape::Duration,
    );
    pub(crate) const PAUSE: Self = Self::new(
        "duration, 0 allowed",
        "\"0s\"",
        parse::any_duration,
        Shape::Duration,
    );
    pub(crate) const COUNT: Self = Self::new("count", "5", parse::count, Shape::Count { least: 1 });
    pub(crate) const COUNT_OR_ZERO: Self = Self::new(
        "count, 0 allowed",
        "0",
        parse::count_or_zero,
        Shape::Count { least: 0 },
    );
    pub(crate) const RATIO: Self = Self::new("ratio", "0.5", parse::ratio, Shape::Ratio);
    pub(crate) const FACTOR: Self = Self::new("number ≥ 1", "2.0", parse::factor, Shape::Factor);
    pub(crate) const NAME: Self = Self::new("name", "\"stripe\"", parse::name, Shape::Name);
    pub(crate) const FOLDER: Self = Self::new(
        "folder",
        "\"/var/spool/shop\"",
        parse::folder,
        Shape::Folder,
    );
    pub(crate) const WINDOW: Self = Self::new(
        "duration or \"none\"",
        "\"60s\"",
        parse::window,
        Shape::Window,
    );
    pub(crate) const JITTER: Self = Self::new(
        "\"full\", \"equal\", \"decorrelated\", \"none\", ratio or duration",
        "\"full\"",
        parse::jitter,
        Shape::Jitter,
    );
    pub(crate) const COUNTED: Self = Self::classes(parse::counted_classes, &["rejected"]);
    pub(crate) const RETRIED: Self = Self::classes(parse::retried_classes, &["expected"]);
    pub(crate) const EXPRESSION: Self = Self::code("expression", "user_id", Form::Expression);
    pub(crate) const PATH: Self = Self::code("path", "my_function", Form::Path);
    pub(crate) const ARGUMENTS: Self = Self::code("arguments", "order, client", Form::Arguments);

    const fn new(name: &'static str, example: &'static str, parse: Parse, shape: Shape) -> Self {
        Self {
            name,
            example,
            form: Form::Literal,
            parse: Some(parse),
            words: [&[], &[]],
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
            words: [&[], &[]],
            shape: Shape::Code,
        }
    }

    pub(crate) const fn keyword<K: Keyword + Into<Value>>() -> Self {
        Self {
            name: "word",
            example: "",
            form: Form::Literal,
            parse: Some(parse::keyword::<K>),
            words: [K::WORDS, K::LATER],
            shape: Shape::Word,
        }
    }

    /// The words it is chosen from, where it is one word out of a few.
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        self.words.concat()
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
        let example = match self.words().first() {
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
        let words: Vec<String> = self
            .words()
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
