//! The reference page.

use std::fmt::Write as _;

use crate::table::{OptionMeta, POLICIES, Place, PolicyMeta, Served};

/// The text of `OPTIONS.md`.
#[must_use]
pub fn reference_page() -> String {
    let mut page = String::from(HEAD);
    for policy in POLICIES {
        section(&mut page, policy);
    }
    page
}

const HEAD: &str = "\
<!-- Written by `cargo xtask options` from the table in options/src/table.rs; edit the table. -->
# Options

Every option of `#[resilient]`, as the table in `options/` holds it.

- Durations carry a unit: `\"250ms\"`, `\"5s\"`, `\"1m\"`, `\"2h\"`; whole or decimal numbers.
- Ratios are `0.5` or `\"50%\"`: more than 0, at most 1. Counts are 1 or more.
- Words are text: `jitter = \"none\"`. Lists of classes stand in parentheses: `on(transient, timeout)`.
- Names are letters, digits and `.`, `_`, `:`, `-`, up to 128 of them.
- \"Belongs to\" says who owns an option: the *call*, the named *registry* entry (all calls that name
  it share it, and two that give it different values conflict), or the *code* (only the attribute
  can hold it).
- In a configuration file, what belongs to the registry stands in `[breaker.NAME]`, `[rate_limit.NAME]`
  and `[bulkhead.NAME]`, what belongs to the call in `[call.\"NAME\"]`, and either in `[defaults]`; lists
  are arrays: `on = [\"transient\", \"timeout\"]`. As variables: `STEADFAST_BREAKER__NAME__FAILURES`,
  `STEADFAST_CALL__NAME__RETRY__MAX`, with lists separated by commas.
- An option marked **not available yet** is known and refused.
";

fn section(page: &mut String, policy: &PolicyMeta) {
    let title = if policy.name.is_empty() {
        "call"
    } else {
        policy.name
    };
    let _ = write!(page, "\n## {title}\n\n{}", policy.meaning);
    if let Some(shorthand) = policy.shorthand {
        let _ = write!(
            page,
            " `{0} = …` is short for `{0}({shorthand} = …)`.",
            policy.name
        );
    }
    page.push_str(
        "\n\n| option | value | default | belongs to | meaning |\n|---|---|---|---|---|\n",
    );
    for option in policy.options {
        row(page, option);
    }
}

fn row(page: &mut String, option: &OptionMeta) {
    let default = option
        .default
        .map_or("off".into(), |default| default.to_string());
    let owner = match option.place {
        Place::Registry => "registry",
        Place::Call => "call",
        Place::Attribute => "code",
    };
    let later = match option.served {
        Served::Yes => "",
        Served::Later => "**Not available yet.** ",
    };
    let (value, meaning) = (escape(&option.kind.describe()), escape(option.meaning()));
    let _ = writeln!(
        page,
        "| `{}` | {value} | {} | {owner} | {later}{meaning} |",
        option.path,
        escape(&default)
    );
}

/// A bar would end the cell.
fn escape(text: &str) -> String {
    text.replace('|', "\\|")
}
