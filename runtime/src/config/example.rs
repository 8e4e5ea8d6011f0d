//! A file that says what is in force.

use std::collections::HashSet;
use std::fmt::Write as _;

use steadfast_options::{POLICIES, Value};

use super::{Kind, Origin, SetValue};
use crate::registry::Registry;

const HEAD: &str = "\
# What is in force, as a configuration file for steadfast. A line that begins with `# ` and an option
# holds the default that is built in: take the `# ` away to set it. What you leave out is as the code
# says.
";

/// A file in TOML with every name that the code declares and the values in force, for operators to
/// begin from. Loaded, it changes nothing.
///
/// ```
/// use steadfast::resilient;
///
/// #[resilient(name = "example.ask", breaker(name = "example.es", failures = 3))]
/// async fn ask() -> std::io::Result<()> { Ok(()) }
///
/// let file = steadfast::example_config();
/// assert!(file.contains("[breaker.\"example.es\"]"));
/// assert!(file.contains("\nfailures = 3 # src/") || file.contains("\nfailures = 3 # "));
/// ```
#[must_use]
pub fn example_config() -> String {
    let registry = Registry::current();
    let mut file = String::from(HEAD);
    for kind in Kind::ALL {
        for (name, values) in registry.values_by_name(kind) {
            let _ = write!(file, "\n[{}.{name:?}]\n", kind.word());
            values
                .iter()
                .for_each(|value| line(&mut file, kind.word(), value));
        }
    }
    let mut seen = HashSet::new();
    for call in registry.calls().filter(|call| seen.insert(call.name)) {
        let _ = write!(file, "\n# {}\n[call.{:?}]\n", call.place, &*call.name);
        let values = registry.values_of_call(&call.declared());
        let own = values.iter().filter(|value| {
            super::layers::owner(value.path) != Some(steadfast_options::Place::Registry)
        });
        own.for_each(|value| line(&mut file, "", value));
    }
    file
}

/// One option: as it is set, or with its default, as a comment.
fn line(file: &mut String, table: &str, set: &SetValue) {
    let SetValue {
        path,
        value,
        origin,
        ..
    } = set;
    let option = POLICIES.iter().flat_map(|policy| policy.options);
    let Some(option) = option.into_iter().find(|option| option.path == *path) else {
        // A policy that the configuration added, with nothing set.
        if *value == Value::Declared && origin.is_configured() {
            let _ = writeln!(file, "{path} = {{}} # {origin}");
        }
        return;
    };
    if !option.configurable() {
        return;
    }
    let key = path
        .strip_prefix(table)
        .unwrap_or(path)
        .trim_start_matches('.');
    let value = value.literal();
    let _ = match origin {
        Origin::BuiltIn => writeln!(file, "# {key} = {value} # {}", option.meaning()),
        _ => writeln!(file, "{key} = {value} # {origin}"),
    };
}
