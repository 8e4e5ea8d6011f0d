//! The phases of one upstream: each by itself, then all of them side by side.

use std::time::Duration;

use steadfast_options::{Ratio, duration_text};
use toml::Spanned;
use toml::de::DeValue;

use super::fault::Faults;
use super::fields::{At, Fields, kind};
use super::read::pace;
use crate::dependency::Dependency;
use crate::upstream::{Behaviour, Errors, Phase};

const PHASE: [&str; 9] = [
    "from",
    "until",
    "latency",
    "jitter",
    "status",
    "share",
    "retry_after",
    "hang",
    "reset",
];
const SYMPTOMS: [&str; 5] = ["latency", "jitter", "status", "hang", "reset"];

pub(super) fn read(
    dependency: Dependency,
    list: &Spanned<DeValue<'_>>,
    base: &Behaviour,
    length: Duration,
    faults: &mut Faults<'_>,
) -> Vec<Phase> {
    let Some(array) = list.get_ref().as_array() else {
        let found = kind(list.get_ref());
        faults.add(
            list.span(),
            format!(
                "phase: this is {found}; write [[upstream.{dependency}.phase]], once for each phase"
            ),
        );
        return Vec::new();
    };
    let mut phases = Vec::new();
    for value in array {
        let Some(table) = value.get_ref().as_table() else {
            faults.add(
                value.span(),
                format!("phase: this is {}; write a table", kind(value.get_ref())),
            );
            continue;
        };
        let fields = Fields {
            what: "a phase",
            span: value.span(),
            table,
        };
        fields.only(&PHASE, faults);
        let behaviour = behaviour(&fields, base, faults);
        phases.extend(times(&fields, length, faults).map(|(from, until)| At {
            value: Phase {
                from,
                until,
                behaviour,
            },
            span: fields.span.clone(),
        }));
    }
    apart(&phases, faults);
    phases.into_iter().map(|phase| phase.value).collect()
}

/// From when until when; none where either is missing or wrong.
fn times(
    fields: &Fields<'_, '_>,
    length: Duration,
    faults: &mut Faults<'_>,
) -> Option<(Duration, Duration)> {
    let from = fields.required("from", "5s", faults);
    let until = fields.required("until", "10s", faults);
    let (from, until) = (from?, until?);
    if until.value <= from.value {
        let (from, until_text) = (duration_text(from.value), duration_text(until.value));
        faults.add(
            until.span,
            format!("until: {until_text} is not after from = \"{from}\""),
        );
        return None;
    }
    if until.value > length {
        let (until_text, length) = (duration_text(until.value), duration_text(length));
        faults.add(
            until.span,
            format!("until: {until_text} is after the scenario's end; write {length} at most"),
        );
        return None;
    }
    Some((from.value, until.value))
}

fn behaviour(fields: &Fields<'_, '_>, base: &Behaviour, faults: &mut Faults<'_>) -> Behaviour {
    if !SYMPTOMS.iter().any(|key| fields.value(key).is_some()) {
        let symptoms = SYMPTOMS.join(", ");
        faults.add(
            fields.span.clone(),
            format!("this phase changes nothing; give it any of {symptoms}"),
        );
    }
    let mut behaviour = base.clone();
    pace(fields, &mut behaviour, faults);
    let (hang, reset) = (fields.ratio("hang", faults), fields.ratio("reset", faults));
    behaviour.errors = errors(fields, faults);
    let failing = behaviour
        .errors
        .as_ref()
        .map_or(0.0, |errors| errors.share.get());
    let share = |ratio: &Option<At<Ratio>>| ratio.as_ref().map_or(0.0, |at| at.value.get());
    let sum = share(&hang) + share(&reset) + failing;
    if sum > 1.0 + 1e-9 {
        let percent = (sum * 100.0).round();
        faults.add(fields.span.clone(), format!("hang, reset and share add up to {percent}%; lower them to 100% at most (share is 100% where it is not given)"));
    }
    behaviour.hang = hang.map(|at| at.value);
    behaviour.reset = reset.map(|at| at.value);
    behaviour
}

fn errors(fields: &Fields<'_, '_>, faults: &mut Faults<'_>) -> Option<Errors> {
    let share = fields.ratio("share", faults);
    let retry_after = fields.duration("retry_after", faults);
    if let Some(at) = retry_after
        .as_ref()
        .filter(|at| at.value.subsec_nanos() > 0)
    {
        let seconds = at.value.as_secs() + 1;
        faults.add(
            at.span.clone(),
            format!("retry_after: the header holds whole seconds only; write \"{seconds}s\""),
        );
    }
    if fields.value("status").is_none() {
        for key in ["share", "retry_after"] {
            if let Some(value) = fields.value(key) {
                faults.add(
                    value.span(),
                    format!("{key} belongs to a status; add status = 503, or use hang or reset"),
                );
            }
        }
    }
    let status = fields.count("status", faults)?;
    if !(400..600).contains(&status.value) {
        faults.add(
            status.span,
            format!(
                "status: {} is no error status; write 400 to 599",
                status.value
            ),
        );
        return None;
    }
    Some(Errors {
        status: status.value as u16,
        share: share.map_or(Ratio::literal(1.0), |at| at.value),
        retry_after: retry_after.map(|at| at.value),
    })
}

/// Notes phases that hold at the same time.
fn apart(phases: &[At<Phase>], faults: &mut Faults<'_>) {
    for (index, phase) in phases.iter().enumerate() {
        let overlaps = |other: &&At<Phase>| {
            phase.value.from < other.value.until && other.value.from < phase.value.until
        };
        if let Some(other) = phases[..index].iter().find(overlaps) {
            let line = faults.line(other.span.start);
            let (from, until) = (
                duration_text(other.value.from),
                duration_text(other.value.until),
            );
            faults.add(phase.span.clone(), format!("this phase overlaps the one at line {line}, from {from} until {until}; one phase may hold at a time"));
        }
    }
}
