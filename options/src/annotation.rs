//! What the attribute says of one function, as one text.
//!
//! A site holds this text, so that it costs a program one address, and the compiler one literal. Its
//! parts stand between zeros, which no path, name or code holds:
//!
//! ```text
//! module::path::function ␀ src/file.rs ␀ 12 ␀ async ␀ breaker.name=stripe ␀ retry ␀ timeout=5s
//! ```
//!
//! The attribute leaves the first three to the compiler, and writes the rest by [`written`].

use crate::kind::Shape;
use crate::name::Name;
use crate::patch::{Patch, Setting};
use crate::rules::Flavor;
use crate::table::PolicyMeta;
use crate::value::Value;
use crate::{Folder, Raw};

/// What the attribute says of one function.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Annotation {
    /// The function's path.
    pub path: &'static str,
    /// The file it stands in.
    pub file: &'static str,
    /// The line of its name.
    pub line: u32,
    /// Whether it is async.
    pub flavor: Flavor,
    /// What is set, in the order it was written.
    pub settings: Vec<Setting>,
    /// What the settings come to.
    pub patch: Patch,
}

impl Annotation {
    /// Reads the text of a site.
    ///
    /// # Errors
    ///
    /// Says what can't be read, which is a mistake of this library.
    ///
    /// ```
    /// use steadfast_options::{Annotation, Flavor, Setting, Value, written};
    ///
    /// let retry = Setting { path: "retry.max", value: Value::Count(3) };
    /// assert_eq!(written(Flavor::Async, &[retry]), "\0async\0retry.max=3");
    ///
    /// let text = concat!("shop::refund\0src/shop.rs\0", 12, "\0async\0retry.max=3");
    /// let refund = Annotation::read(text).unwrap();
    /// assert_eq!((refund.path, refund.line, refund.settings), ("shop::refund", 12, vec![retry]));
    /// ```
    pub fn read(text: &'static str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(BETWEEN).collect();
        let [path, file, line, flavor, settings @ ..] = &*parts else {
            return Err("it is too short".into());
        };
        let settings = settings.iter().map(|text| setting(text));
        let settings: Vec<Setting> = settings.collect::<Result<_, _>>()?;
        Ok(Self {
            path,
            file,
            line: line.parse().map_err(|_| format!("{line:?} is no line"))?,
            flavor: match *flavor {
                ASYNC => Flavor::Async,
                SYNC => Flavor::Sync,
                other => return Err(format!("{other:?} is no kind of function")),
            },
            patch: Patch::of(&settings),
            settings,
        })
    }
}

const BETWEEN: char = '\0';
const ASYNC: &str = "async";
const SYNC: &str = "sync";

/// The text of an annotation from behind its line on.
#[must_use]
pub fn written(flavor: Flavor, settings: &[Setting]) -> String {
    let flavor = if flavor.is_async() { ASYNC } else { SYNC };
    let mut text = format!("{BETWEEN}{flavor}");
    for Setting { path, value } in settings {
        text.push(BETWEEN);
        text.push_str(path);
        if *value != Value::Declared {
            text.push('=');
            text.push_str(&value.to_string());
        }
    }
    text
}

fn setting(text: &'static str) -> Result<Setting, String> {
    let Some((path, value)) = text.split_once('=') else {
        return Ok(Setting {
            path: PolicyMeta::find(text)?.name,
            value: Value::Declared,
        });
    };
    let option = Setting::option(path)?;
    let value = match option.kind.shape {
        Shape::Code => Value::Code(value),
        Shape::Name => Value::Name(Name::from_static(value)),
        Shape::Folder => Value::Folder(Folder::from_static(value)),
        _ => return Setting::parse(path, &Raw::Plain(value)),
    };
    Ok(Setting {
        path: option.path,
        value,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::table::{OptionMeta, POLICIES, Served};
    use crate::value::{Classes, Factor, Jitter, Ratio, Window};

    /// Values that an option may have, among them those that are hard to write.
    fn values(option: &OptionMeta) -> Vec<Value> {
        let durations = [1, 999, 1_500_000, 90_000_000_000, 3_153_599_999_999_999_999];
        let durations = durations.map(Duration::from_nanos).into_iter();
        let shares = [1e-9, 0.1 + 0.2, 1.0 / 3.0, 1.0]
            .map(Ratio::literal)
            .into_iter();
        match option.kind.shape {
            Shape::Duration => durations.map(Value::Duration).collect(),
            Shape::Count { least } => [least, u32::MAX].map(Value::Count).into(),
            Shape::Ratio => shares.map(Value::Ratio).collect(),
            Shape::Factor => [1.0, 1.1, f64::MAX]
                .map(Factor::literal)
                .map(Value::Factor)
                .into(),
            Shape::Name => vec![Value::Name(Name::from_static("a.b_c:d-0"))],
            Shape::Folder => vec![Value::Folder(Folder::from_static(" C:\\a=b\n\u{e9} "))],
            Shape::Window => durations
                .map(Window::For)
                .chain([Window::Unbounded])
                .map(Value::Window)
                .collect(),
            Shape::Jitter => [
                Jitter::Full,
                Jitter::Equal,
                Jitter::Decorrelated,
                Jitter::None,
            ]
            .into_iter()
            .chain(shares.map(Jitter::Ratio))
            .chain(durations.map(Jitter::Within))
            .map(Value::Jitter)
            .collect(),
            Shape::Classes { none_of } => {
                let allowed = Classes::WORDS
                    .iter()
                    .filter(|(word, _)| !none_of.contains(word));
                let each = allowed.clone().map(|(_, class)| *class);
                let all = each.clone().fold(Classes::NONE, Classes::with);
                each.chain([all]).map(Value::Classes).collect()
            }
            Shape::Word => {
                let words = option.kind.words().into_iter();
                let read = |word| Setting::parse(option.path, &Raw::Plain(word));
                words
                    .filter_map(|word| Some(read(word).ok()?.value))
                    .collect()
            }
            Shape::Code => vec![
                Value::Code("Self::last"),
                Value::Code("(order.id, \"=\\0,\u{e9}\n\")"),
                Value::code("'\0'"),
            ],
        }
    }

    #[test]
    fn every_value_of_every_option_is_read_as_it_was_written() {
        let options = POLICIES.iter().flat_map(|policy| policy.options);
        for option in options.filter(|option| option.served == Served::Yes) {
            for value in values(option) {
                let path = option.path;
                let alone = vec![Setting { path, value }];
                assert_eq!(read_back(Flavor::Async, &alone).settings, alone);
            }
        }
    }

    #[test]
    fn policies_without_options_and_the_order_are_kept() {
        let policies = POLICIES[1..].iter().rev();
        let policies = policies.filter(|policy| policy.served() == Served::Yes);
        let declared = policies.map(|policy| Setting {
            path: policy.name,
            value: Value::Declared,
        });
        let declared: Vec<Setting> = declared.collect();
        for flavor in [Flavor::Async, Flavor::Sync] {
            let read = read_back(flavor, &declared);
            assert_eq!((read.flavor, &read.settings), (flavor, &declared));
        }
    }

    #[test]
    fn what_nobody_wrote_is_refused() {
        for (text, wrong) in [
            ("f|f.rs|1", "it is too short"),
            ("f|f.rs|x|sync", "\"x\" is no line"),
            ("f|f.rs|1|", "\"\" is no kind of function"),
            ("f|f.rs|1|sync|retr", "unknown option \"retr\""),
            ("f|f.rs|1|sync|retry.max=no", "\"no\" is no count"),
        ] {
            let error = Annotation::read(text.replace('|', "\0").leak()).unwrap_err();
            assert!(error.starts_with(wrong), "{error}");
        }
    }

    fn read_back(flavor: Flavor, settings: &[Setting]) -> Annotation {
        let text = format!("a::f\0a.rs\0{}{}", 7, written(flavor, settings));
        let read = Annotation::read(text.leak()).unwrap();
        assert_eq!((read.path, read.file, read.line), ("a::f", "a.rs", 7));
        read
    }
}
