//! Where each value comes from, as text.

use std::fmt::Write as _;

use steadfast_options::worst_case;

use super::{Kind, Origin, SetValue};
use crate::registry::Registry;

/// Every call and every named policy of the registry in force, with each value and the layer that
/// set it.
///
/// ```
/// use steadfast::resilient;
///
/// #[resilient(name = "explain.ask", breaker = "explain.es", timeout = "5s")]
/// async fn ask() -> std::io::Result<()> { Ok(()) }
///
/// let text = steadfast::explain();
/// let line = text.lines().find(|line| line.contains("timeout 5s")).unwrap();
/// assert!(line.starts_with("  timeout 5s — in "), "{line}");
/// ```
#[must_use]
pub fn explain() -> String {
    let registry = Registry::current();
    let mut text = String::new();
    for call in registry.calls() {
        let _ = writeln!(text, "call {} in {}", call.name, call.place);
        let values = registry.values_of_call(&call.declared());
        lines(&mut text, &values);
        let in_force = registry.in_force(&call.declared());
        let _ = writeln!(text, "  worst case {}\n", worst_case(&in_force.patch));
    }
    for kind in Kind::ALL {
        for (name, values) in registry.values_by_name(kind) {
            let _ = writeln!(text, "{} {name}", kind.word());
            lines(&mut text, &values);
            text.push('\n');
        }
    }
    #[cfg(feature = "redis")]
    if let Some(status) = registry.redis_status() {
        let how = status
            .error
            .map_or("connected".into(), |error| format!("away: {error}"));
        let (server, instances) = (status.server, status.instances);
        let _ = writeln!(text, "redis {server}\n  {how}, {instances} instances\n");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The values that were set, one a line, then the others in one.
fn lines(text: &mut String, values: &[SetValue]) {
    let (built_in, set): (Vec<_>, Vec<_>) = values
        .iter()
        .partition(|value| value.origin == Origin::BuiltIn);
    for value in set {
        let _ = writeln!(text, "  {}", line(value));
    }
    if !built_in.is_empty() {
        let each = built_in
            .iter()
            .map(|value| format!("{} {}", value.path, value.value));
        let each: Vec<String> = each.collect();
        let _ = writeln!(text, "  built in: {}", each.join(", "));
    }
}

/// `timeout 2s — steadfast.toml:14:11, was 5s in src/payments.rs:31`.
fn line(set: &SetValue) -> String {
    let mut line = format!("{} {} — {}", set.path, set.value, place(&set.origin));
    for (value, origin) in &set.was {
        let _ = write!(line, ", was {value} {}", in_place(origin));
    }
    line
}

fn place(origin: &Origin) -> String {
    match origin {
        Origin::Code { .. } => format!("in {origin}"),
        _ => origin.to_string(),
    }
}

fn in_place(origin: &Origin) -> String {
    format!("in {origin}")
}
