//! From text to [`Scenario`]: the file's top level and its upstreams.

use std::ops::RangeInclusive;
use std::time::Duration;

use steadfast_options::{closest, duration_text};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Scenario;
use super::fault::{Fault, Faults};
use super::fields::{Fields, kind};
use super::phases;
use crate::dependency::{Dependency, PerDependency};
use crate::upstream::{Behaviour, Timeline};

/// What a run may last: long enough to see something, short enough to wait for.
pub(crate) const LENGTHS: RangeInclusive<Duration> =
    Duration::from_secs(5)..=Duration::from_secs(600);
/// Checkouts a second: both arms of the demo must fit into one small machine.
const RATES: RangeInclusive<u32> = 1..=50;
/// Product pages a second.
const PAGES: RangeInclusive<u32> = 0..=50;
/// What a dependency needs for an answer where the file does not say.
const LATENCY: Duration = Duration::from_millis(20);
/// Longer than any customer waits.
const LONGEST_LATENCY: Duration = Duration::from_secs(60);

const TOP: [&str; 5] = ["title", "length", "rate", "pages", "upstream"];
const UPSTREAM: [&str; 3] = ["latency", "jitter", "phase"];

pub(super) fn scenario(text: &str) -> Result<Scenario, Vec<Fault>> {
    let mut faults = Faults::new(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        faults.add(error.span().unwrap_or(0..0), error.message().trim());
    }
    // What follows a broken line would be judged by what the parser made of it: mend that first.
    if !faults.is_empty() {
        return Err(faults.into_sorted());
    }
    let scenario = top(root.get_ref(), &mut faults);
    if faults.is_empty() {
        Ok(scenario)
    } else {
        Err(faults.into_sorted())
    }
}

fn top(table: &DeTable<'_>, faults: &mut Faults<'_>) -> Scenario {
    let fields = Fields {
        what: "a scenario",
        span: 0..0,
        table,
    };
    known_top(&fields, faults);
    let title = fields
        .text("title", faults)
        .map_or_else(String::new, |title| title.value);
    let length = fields.required("length", "30s", faults);
    if let Some(length) = length
        .as_ref()
        .filter(|length| !LENGTHS.contains(&length.value))
    {
        faults.add(length.span.clone(), "length: write 5s to 10m");
    }
    let rate = fields.count("rate", faults);
    if let Some(rate) = rate.as_ref().filter(|rate| !RATES.contains(&rate.value)) {
        faults.add(rate.span.clone(), "rate: write 1 to 50 checkouts a second");
    }
    let pages = fields.count("pages", faults);
    if let Some(pages) = pages.as_ref().filter(|pages| !PAGES.contains(&pages.value)) {
        faults.add(
            pages.span.clone(),
            "pages: write 0 to 50 product pages a second",
        );
    }
    let length = length.map_or(Duration::MAX, |length| length.value);
    Scenario {
        title,
        length,
        rate: rate.map_or(40, |rate| rate.value),
        pages: pages.map_or(40, |pages| pages.value),
        timelines: timelines(&fields, length, faults),
    }
}

/// A dependency's table at the top level is a likely slip, and worth a hint of its own.
fn known_top(fields: &Fields<'_, '_>, faults: &mut Faults<'_>) {
    let mut known = TOP.to_vec();
    for key in fields.table.keys() {
        if let Some(dependency) = Dependency::named(key.get_ref()) {
            faults.add(
                key.span(),
                format!("\"{dependency}\" stands below upstream; write [upstream.{dependency}]"),
            );
            known.push(dependency.name());
        }
    }
    fields.only(&known, faults);
}

fn timelines(
    fields: &Fields<'_, '_>,
    length: Duration,
    faults: &mut Faults<'_>,
) -> PerDependency<Timeline> {
    let well = Timeline::always(Behaviour::healthy().latency(LATENCY));
    let mut timelines = PerDependency::from_fn(|_| well.clone());
    let Some(value) = fields.value("upstream") else {
        return timelines;
    };
    let Some(upstreams) = value.get_ref().as_table() else {
        let found = kind(value.get_ref());
        faults.add(
            value.span(),
            format!("upstream: this is {found}; write tables such as [upstream.payments]"),
        );
        return timelines;
    };
    for (name, upstream) in upstreams {
        let Some(dependency) = Dependency::named(name.get_ref()) else {
            faults.add(name.span(), unknown_upstream(name.get_ref()));
            continue;
        };
        timelines[dependency] = timeline(dependency, upstream, length, faults);
    }
    timelines
}

fn timeline(
    dependency: Dependency,
    value: &Spanned<DeValue<'_>>,
    length: Duration,
    faults: &mut Faults<'_>,
) -> Timeline {
    let mut base = Behaviour::healthy().latency(LATENCY);
    let Some(table) = value.get_ref().as_table() else {
        faults.add(
            value.span(),
            format!("{dependency} is a table; write [upstream.{dependency}]"),
        );
        return Timeline::always(base);
    };
    let fields = Fields {
        what: "an upstream",
        span: value.span(),
        table,
    };
    fields.only(&UPSTREAM, faults);
    pace(&fields, &mut base, faults);
    let phases = match fields.value("phase") {
        Some(list) => phases::read(dependency, list, &base, length, faults),
        None => Vec::new(),
    };
    Timeline { base, phases }
}

/// Reads `latency` and `jitter` over what `behaviour` has.
pub(super) fn pace(fields: &Fields<'_, '_>, behaviour: &mut Behaviour, faults: &mut Faults<'_>) {
    for (key, slot) in [
        ("latency", &mut behaviour.latency),
        ("jitter", &mut behaviour.jitter),
    ] {
        let Some(read) = fields.duration(key, faults) else {
            continue;
        };
        if read.value > LONGEST_LATENCY {
            let most = duration_text(LONGEST_LATENCY);
            faults.add(
                read.span,
                format!(
                    "{key}: write {most} at most; for requests that are never answered, hang = 1.0"
                ),
            );
        } else {
            *slot = read.value;
        }
    }
}

fn unknown_upstream(name: &str) -> String {
    let names = Dependency::ALL.map(Dependency::name);
    match closest(name, names) {
        Some(near) => format!("unknown upstream \"{name}\"; did you mean \"{near}\"?"),
        None => format!(
            "unknown upstream \"{name}\"; there are {}",
            names.join(", ")
        ),
    }
}
