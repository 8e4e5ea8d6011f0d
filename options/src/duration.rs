//! How durations are written.

use std::time::Duration;

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
    if number.parse::<f64>().is_err() {
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
