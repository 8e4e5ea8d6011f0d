//! What the code says of a named policy, gathered from all the calls that name it.

use std::sync::Arc;
use std::time::Duration;

use steadfast_options::{
    Flavor, Guards, Merge, Name, POLICIES, Patch, Place as Owner, Setting, Value, defaults,
    validate, worst_case,
};

use crate::catalog::{Listed, Naming};
use crate::config::{Given, Layered, Layers, Sources, Subject, name_in};
use crate::conflict::{Conflict, Place};
use crate::sorted::Sorted;

/// A kind of policy that is known by name, in the order of their words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Breaker,
    Bulkhead,
    RateLimit,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Breaker, Self::RateLimit, Self::Bulkhead];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Breaker => "breaker",
            Self::RateLimit => "rate_limit",
            Self::Bulkhead => "bulkhead",
        }
    }

    /// The policy of this kind that the code of a site names, if it has one.
    fn name_in(self, listed: &Listed) -> Option<Name> {
        name_in(self, listed.name, &listed.said.patch)
    }

    /// Whether an option is of this kind, and of the named policy rather than of the call.
    pub(crate) fn owns(self, path: &str) -> bool {
        let policy = POLICIES.iter().filter(|policy| policy.name == self.word());
        let mut options = policy.flat_map(|policy| policy.options);
        options.any(|option| option.path == path && option.place == Owner::Registry)
    }
}

/// The definition of a named policy.
pub(crate) struct Definition {
    /// What holds.
    pub(crate) in_force: Layered,
    /// Longest limit of what it guards.
    pub(crate) guarded: Option<Duration>,
    code: Arc<Code>,
}

/// What the code says of it, policies made by hand among it.
#[derive(Default)]
struct Code {
    given: Vec<Given>,
    patch: Patch,
    /// Which place set each option, the first in order of file and line.
    set_by: Vec<(Setting, Place)>,
    places: Vec<Place>,
    /// The longest limit of what it guards in policies made by hand.
    guarded_by_hand: Option<Duration>,
    conflicts: Vec<Conflict>,
}

impl Definition {
    /// What the calls that name this policy say of it, and what `patch` adds.
    ///
    /// # Errors
    ///
    /// Options that `patch` gives other values than the code, or that break a rule together with
    /// the code's.
    pub(crate) fn with(
        kind: Kind,
        name: Name,
        by_hand: &ByHand<'_>,
        sources: &Sources,
    ) -> Result<Self, Vec<String>> {
        let ByHand { patch, place } = *by_hand;
        let mut code = Code::of(kind, name, sources);
        let mut faults = Vec::new();
        let before = validate(&code.patch, Flavor::Async);
        let settings = patch.settings();
        for setting in settings.iter().filter(|setting| kind.owns(setting.path)) {
            match code.set_by(setting.path) {
                Some((first, place)) if first.value != setting.value => faults.push(format!(
                    "`{}` of {name:?} is {} here but {} at {place}; give it once, or the same twice",
                    setting.path, setting.value, first.value,
                )),
                Some(_) => {}
                None => {
                    code.patch.set(setting);
                    code.given.push(Given {
                        setting: *setting,
                        origin: place.into(),
                    });
                }
            }
        }
        code.guarded_by_hand = guarded_limit(patch);
        if let Some(first) = code.places.first() {
            let broken = validate(&code.patch, Flavor::Async).into_iter();
            let broken = broken.filter(|fault| !before.contains(fault));
            faults.extend(
                broken.map(|fault| format!("{name:?}, defined at {first} too: {}", fault.message)),
            );
        }
        if faults.is_empty() {
            Ok(Self::laid(Arc::new(code), kind, name, sources))
        } else {
            Err(faults)
        }
    }

    /// What `patch` says otherwise than this definition, which is in force.
    pub(crate) fn differs(&self, kind: Kind, name: Name, patch: &Patch) -> Vec<String> {
        let held = self.code.patch.settings();
        let wanted = patch
            .settings()
            .into_iter()
            .filter(|setting| kind.owns(setting.path));
        let fault = |setting: Setting| {
            if held.contains(&setting) {
                return None;
            }
            let known = held.iter().find(|known| known.path == setting.path);
            let in_use = match (known, self.default_of(&setting)) {
                (Some(known), _) => format!("with {}", known.value),
                (None, Some(default)) if default == setting.value.to_string() => return None,
                (None, Some(default)) => format!("with its default, {default}"),
                (None, None) => "without it".into(),
            };
            Some(format!(
                "`{}` of {name:?} is {} here, but it is in use {in_use}; give it once, or the same \
                 twice",
                setting.path, setting.value
            ))
        };
        wanted.filter_map(fault).collect()
    }

    /// The default that holds where an option is not set; none where there is none, or where to set
    /// it would replace other options.
    fn default_of(&self, setting: &Setting) -> Option<String> {
        let others = |patch: &Patch| {
            let mut settings = patch.settings();
            settings.retain(|set| set.path != setting.path && set.value != Value::Declared);
            settings
        };
        let mut merged = self.code.patch;
        merged.merge(&Patch::of(&[*setting]));
        if others(&merged) != others(&self.code.patch) {
            return None;
        }
        let mut options = POLICIES.iter().flat_map(|policy| policy.options);
        let option = options.find(|option| option.path == setting.path)?;
        option.default.map(|default| default.to_string())
    }

    /// What the calls that name this policy say of it, and the configuration.
    pub(crate) fn of(kind: Kind, name: Name, sources: &Sources) -> Self {
        Self::laid(Arc::new(Code::of(kind, name, sources)), kind, name, sources)
    }

    /// This definition under another version of the configuration.
    pub(crate) fn under(&self, kind: Kind, name: Name, sources: &Sources) -> Self {
        Self::laid(self.code.clone(), kind, name, sources)
    }

    fn laid(code: Arc<Code>, kind: Kind, name: Name, sources: &Sources) -> Self {
        let layers: &Layers = &sources.layers;
        let mut in_force = Layered::default();
        for layer in layers.defaults_of(&|path| kind.owns(path)) {
            in_force.lay(&layer);
        }
        in_force.lay(&code.given.iter().collect::<Vec<_>>());
        for layer in layers.of(Subject::Named(kind, &name)) {
            in_force.lay(&layer);
        }
        let guarded = sources.longest_guarded(kind, name);
        Self {
            in_force,
            guarded: code.guarded_by_hand.max(guarded),
            code,
        }
    }

    pub(crate) fn is_declared(&self) -> bool {
        !self.code.places.is_empty()
    }

    /// Places in the code that disagree on it.
    pub(crate) fn conflicts(&self) -> &[Conflict] {
        &self.code.conflicts
    }
}

impl Code {
    fn of(kind: Kind, name: Name, sources: &Sources) -> Self {
        let mut code = Self::default();
        for listed in sources
            .sites
            .iter()
            .filter(|listed| kind.name_in(listed) == Some(name))
        {
            code.add(kind, name, listed);
        }
        code.check_rules(name);
        code
    }

    fn set_by(&self, path: &str) -> Option<(Setting, Place)> {
        let mut set = self.set_by.iter();
        set.find(|(setting, _)| setting.path == path).copied()
    }

    fn add(&mut self, kind: Kind, name: Name, listed: &Listed) {
        let place = listed.place();
        let settings = listed.said.settings.iter();
        for setting in settings.filter(|setting| kind.owns(setting.path)) {
            match self.set_by(setting.path) {
                None => {
                    self.patch.set(setting);
                    self.given.push(Given {
                        setting: *setting,
                        origin: place.into(),
                    });
                    self.set_by.push((*setting, place));
                }
                Some((first, earlier)) if first.value != setting.value => {
                    let (first, second) = ((earlier, first.value), (place, setting.value));
                    self.conflicts
                        .push(Conflict::of_values(name, setting.path, first, second));
                }
                Some(_) => {}
            }
        }
        self.places.push(place);
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

/// What a policy made by hand says, and where.
#[derive(Clone, Copy)]
pub(crate) struct ByHand<'a> {
    pub(crate) patch: &'a Patch,
    pub(crate) place: Place,
}

/// The longest that a breaker's probe may take in one of the calls it guards.
pub(crate) fn guarded_limit(patch: &Patch) -> Option<Duration> {
    let guards = patch.breaker.and_then(|breaker| breaker.guards);
    match guards.unwrap_or(defaults::breaker::guards) {
        Guards::Call => worst_case(patch).total,
        _ => patch.call.timeout.or(patch.call.deadline),
    }
}

/// Everything that two places in the code disagree on.
pub(crate) fn conflicts(sources: &Sources) -> Vec<Conflict> {
    let sites = &sources.sites;
    let mut found = Vec::new();
    for kind in Kind::ALL {
        let mut names: Vec<Name> = sites
            .iter()
            .filter_map(|listed| kind.name_in(listed))
            .collect();
        names.sort();
        names.dedup();
        found.extend(
            names
                .into_iter()
                .flat_map(|name| Code::of(kind, name, sources).conflicts),
        );
    }
    found.extend(call_name_conflicts(sites));
    found
}

fn call_name_conflicts(sites: &[Listed]) -> Vec<Conflict> {
    let mut first_with: Sorted<Name, &Listed> = Sorted::default();
    let mut found = Vec::new();
    for listed in sites.iter().filter(|listed| listed.naming == Naming::Given) {
        let first = *first_with.get_or(listed.name, || listed);
        if !first.site.is(listed.site) {
            let (first, second) = (first.place(), listed.place());
            found.push(Conflict::of_call_names(listed.name, first, second));
        }
    }
    found
}
