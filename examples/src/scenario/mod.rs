//! Scenario files: what happens to the dependencies, and when.

use std::path::Path;
use std::time::Duration;

use steadfast_options::closest;

mod fault;
mod fields;
mod phases;
mod read;
#[cfg(test)]
mod tests;

pub use fault::{Fault, ScenarioError};
pub(crate) use read::LENGTHS;

use crate::dependency::PerDependency;
use crate::upstream::Timeline;

/// The scenarios that come with the demo, by name.
pub const SHIPPED: [(&str, &str); 4] = [
    ("outage", include_str!("../../scenarios/outage.toml")),
    ("brownout", include_str!("../../scenarios/brownout.toml")),
    (
        "rate-limited",
        include_str!("../../scenarios/rate-limited.toml"),
    ),
    ("cascade", include_str!("../../scenarios/cascade.toml")),
];

/// What happens to the dependencies, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// What it shows, in a few words.
    pub title: String,
    /// How long it takes.
    pub length: Duration,
    /// Checkouts a second.
    pub rate: u32,
    /// Product pages a second.
    pub pages: u32,
    /// What each dependency does.
    pub timelines: PerDependency<Timeline>,
}

impl Scenario {
    /// Finds a scenario by the name of a shipped one or the path of a file.
    ///
    /// # Errors
    /// Where there is none, or where it has faults: all of them, each with file, line and column.
    pub fn find(name_or_path: &str) -> Result<Self, ScenarioError> {
        let shipped = SHIPPED.iter().find(|(name, _)| *name == name_or_path);
        if let Some((name, text)) = shipped {
            return Self::parse(name, text);
        }
        let path = Path::new(name_or_path);
        if !path.exists() {
            return Err(ScenarioError::Unknown(unknown(name_or_path)));
        }
        let text = std::fs::read_to_string(path).map_err(|source| ScenarioError::Unreadable {
            path: name_or_path.into(),
            source,
        })?;
        Self::parse(name_or_path, &text)
    }

    /// Reads a scenario; `file` names it in the report of its faults.
    ///
    /// # Errors
    /// All faults at once.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        read::scenario(text).map_err(|faults| ScenarioError::Faulty {
            file: file.into(),
            faults,
        })
    }

    /// The same within another time: phases keep their share of it, latencies stay as they are.
    #[must_use]
    pub fn lasting(&self, length: Duration) -> Self {
        let factor = length.as_secs_f64() / self.length.as_secs_f64();
        Self {
            title: self.title.clone(),
            length,
            rate: self.rate,
            pages: self.pages,
            timelines: PerDependency::from_fn(|dependency| {
                self.timelines[dependency].stretched(factor)
            }),
        }
    }

    /// When the last sickness ends; none where there is no sickness at all.
    #[must_use]
    pub fn well_again(&self) -> Option<Duration> {
        let phases = self
            .timelines
            .iter()
            .flat_map(|(_, timeline)| &timeline.phases);
        phases.map(|phase| phase.until).max()
    }
}

fn unknown(name: &str) -> String {
    let names = SHIPPED.map(|(name, _)| name);
    let near = closest(name, names).map(|near| format!(" (did you mean \"{near}\"?)"));
    format!(
        "no scenario \"{name}\"{}; shipped are {}; anything else is the path of a file",
        near.unwrap_or_default(),
        names.join(", ")
    )
}
