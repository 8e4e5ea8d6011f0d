//! What the code says of a named policy, gathered from all the calls that name it.

use std::collections::BTreeMap;
use std::time::Duration;

use steadfast_options::{
    Flavor, Guards, Name, POLICIES, Patch, Place as Owner, Setting, Value, defaults, validate,
    worst_case,
};

use crate::breaker::Thresholds;
use crate::catalog::{self, Listed};
use crate::conflict::{Conflict, Place};
use crate::site::Naming;

/// A breaker's definition.
#[derive(Default)]
pub(crate) struct Definition {
    patch: Patch,
    /// Which place set each option, the first in order of file and line.
    set_by: BTreeMap<&'static str, (Place, Value)>,
    places: Vec<Place>,
    /// Longest limit of what it guards.
    guarded: Option<Duration>,
    pub(crate) conflicts: Vec<Conflict>,
}

impl Definition {
    pub(crate) fn is_declared(&self) -> bool {
        !self.places.is_empty()
    }

    pub(crate) fn thresholds(&self) -> Thresholds {
        Thresholds::new(&self.patch.breaker.unwrap_or_default(), self.guarded)
    }

    fn add(&mut self, name: Name, listed: &Listed) {
        let site = listed.site;
        for setting in site
            .settings
            .iter()
            .filter(|setting| belongs_to_breaker(setting))
        {
            match self.set_by.get(setting.path) {
                None => {
                    self.patch.set(setting);
                    self.set_by
                        .insert(setting.path, (site.place, setting.value));
                }
                Some(first) if first.1 != setting.value => {
                    let second = (site.place, setting.value);
                    self.conflicts
                        .push(Conflict::of_values(name, setting.path, *first, second));
                }
                Some(_) => {}
            }
        }
        self.places.push(site.place);
        self.guarded = self.guarded.max(guarded_limit(&listed.patch));
    }

    /// Options that are sound in each place may break a rule together.
    fn check_rules(&mut self, name: Name) {
        let (Some(first), Some(last)) = (self.places.first(), self.places.last()) else {
            return;
        };
        if self.places.len() > 1 && self.conflicts.is_empty() {
            let faults = validate(&self.patch, Flavor::Async).into_iter();
            let faults = faults.map(|fault| Conflict::of_rule(name, fault, *first, *last));
            self.conflicts.extend(faults);
        }
    }
}

fn belongs_to_breaker(setting: &Setting) -> bool {
    let breaker = POLICIES.iter().filter(|policy| policy.name == "breaker");
    let mut options = breaker.flat_map(|policy| policy.options);
    options.any(|option| option.path == setting.path && option.place == Owner::Registry)
}

fn guarded_limit(patch: &Patch) -> Option<Duration> {
    let guards = patch.breaker.and_then(|breaker| breaker.guards);
    match guards.unwrap_or(defaults::breaker::guards) {
        Guards::Call => worst_case(patch).total,
        _ => patch.call.timeout.or(patch.call.deadline),
    }
}

/// The breaker that a site names, if it has one.
fn breaker_name(listed: &Listed) -> Option<Name> {
    let breaker = listed.patch.breaker?;
    Some(breaker.name.unwrap_or(listed.name))
}

/// The definition of the breaker of this name.
pub(crate) fn of_breaker(name: Name) -> Definition {
    let mut definition = Definition::default();
    for listed in catalog::all()
        .iter()
        .filter(|listed| breaker_name(listed) == Some(name))
    {
        definition.add(name, listed);
    }
    definition.check_rules(name);
    definition
}

/// Everything that two places in the code disagree on.
pub(crate) fn conflicts() -> Vec<Conflict> {
    let sites = catalog::all();
    let mut names: Vec<Name> = sites.iter().filter_map(breaker_name).collect();
    names.sort();
    names.dedup();
    let mut found: Vec<Conflict> = names
        .into_iter()
        .flat_map(|name| of_breaker(name).conflicts)
        .collect();
    found.extend(call_name_conflicts(&sites));
    found
}

fn call_name_conflicts(sites: &[Listed]) -> Vec<Conflict> {
    let mut first_with: BTreeMap<Name, Place> = BTreeMap::new();
    let mut found = Vec::new();
    for Listed { site, name, .. } in sites.iter().filter(|listed| listed.naming == Naming::Given) {
        match first_with.get(name) {
            Some(first) => found.push(Conflict::of_call_names(*name, *first, site.place)),
            None => {
                first_with.insert(*name, site.place);
            }
        }
    }
    found
}
