//! The drills there are.

use anyhow::Result;

use crate::report::Report;
use crate::{breaker, limiter, outbox, storm};

/// A drill.
#[derive(Clone, Copy)]
pub struct Drill {
    /// Its number in the fault matrix, or its name.
    pub id: &'static str,
    /// What is done.
    pub title: &'static str,
    /// Whether it ends within some five seconds, so that the tests run it too.
    pub quick: bool,
    /// Does it.
    pub run: fn(&mut Report) -> Result<()>,
}

/// All drills, in the order of their numbers. A further one is a row in the list of its kind.
#[must_use]
pub fn all() -> Vec<Drill> {
    let lists: [&[Drill]; 4] = [
        breaker::DRILLS,
        limiter::DRILLS,
        storm::DRILLS,
        outbox::DRILLS,
    ];
    let mut drills = lists.concat();
    drills.sort_by_key(|drill| drill.id.parse().unwrap_or(u32::MAX)); // names come last
    drills
}

/// Those that were asked for by number or name; all of them where none was.
///
/// # Errors
///
/// Names what is no drill.
pub fn chosen(ids: &[String]) -> Result<Vec<Drill>> {
    let drills = all();
    let known = |id: &str| drills.iter().any(|drill| drill.id == id);
    if let Some(unknown) = ids.iter().find(|id| !known(id)) {
        let ids: Vec<_> = drills.iter().map(|drill| drill.id).collect();
        anyhow::bail!(
            "there is no drill {unknown:?}; there are {}",
            ids.join(", ")
        );
    }
    let wanted = |drill: &Drill| ids.is_empty() || ids.iter().any(|id| id == drill.id);
    Ok(drills.into_iter().filter(wanted).collect())
}

/// Runs one; what goes wrong on the way is a row that failed.
#[must_use]
pub fn run(drill: &Drill) -> Report {
    let mut report = Report::new(format!("{} {}", drill.id, drill.title));
    if let Err(error) = (drill.run)(&mut report) {
        report.broke(format!("{error:#}"));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_drill_has_an_id_of_its_own() {
        let mut ids: Vec<_> = all().iter().map(|drill| drill.id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }

    #[test]
    fn an_unknown_drill_is_refused_and_none_means_all() {
        assert_eq!(chosen(&[]).unwrap().len(), all().len());
        assert_eq!(chosen(&["3".to_owned()]).unwrap()[0].id, "3");
        let error = chosen(&["300".to_owned()]).err().unwrap().to_string();
        assert!(
            error.starts_with("there is no drill \"300\"; there are 1,"),
            "{error}"
        );
    }
}
