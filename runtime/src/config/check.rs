//! A configuration against what the code declares, before anything changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use steadfast_options::{
    Fault as Broken, Flavor, Name, Patch, Place, Scope, Setting, Store, Value, closest, validate,
};

use super::layers::{Target, Whom, form_of, owner};
use super::report::{At, Fault};
use super::{Declared, Kind, Layered, Origin, SetValue, Sources, name_in};
use crate::builder::Made;
use crate::definition::{self, Definition};

const ADD_REDIS: &str = "add `.redis(\"redis://…\")` to the setup, [redis] with a `url` to the file, or \
    the variable STEADFAST_REDIS_URL";

/// What a registry knows besides the annotated functions.
#[derive(Default)]
pub(crate) struct InUse {
    /// Named policies that have been used, with what the code says of them.
    pub(crate) named: Vec<(Kind, Name, Arc<Definition>)>,
    pub(crate) made: Vec<Arc<Made>>,
    /// Names that the program announced.
    pub(crate) announced: Vec<String>,
}

/// What is wrong with a configuration.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) faults: Vec<Fault>,
    /// Names that nothing declares.
    pub(crate) unknown: Vec<Fault>,
    /// Policies that a fleet is to share: faults where there is no place for that.
    pub(crate) shared: Vec<Fault>,
}

/// Checks names, what may be added to a call, and the rules between options after merging.
pub(crate) fn check(sources: &Sources, in_use: &InUse) -> Checked {
    let mut check = Check {
        sources,
        in_use,
        definitions: HashMap::new(),
        checked: Checked::default(),
    };
    check.names();
    for call in declared(sources, in_use) {
        check.call(&call);
    }
    for (kind, name, _) in &in_use.named {
        let definition = check.definition(*kind, *name);
        check.rules(&definition.in_force, Flavor::Async, &whose(*name));
    }
    check.shared();
    check.checked
}

/// What the code itself has wrong: places that disagree, and names that variables can't tell apart.
pub(crate) fn code_faults(sources: &Sources, in_use: &InUse) -> Vec<Fault> {
    let conflicts = definition::conflicts(sources).into_iter();
    let conflicts = conflicts.map(|conflict| conflict.to_string());
    let calls = names_of_calls(sources, in_use);
    let mut alike = collisions("calls", &calls);
    for kind in Kind::ALL {
        let names = names_of(kind, sources, in_use);
        alike.extend(collisions(plural(kind), &names));
    }
    let all = conflicts.chain(alike);
    let at = || At::Itself;
    all.map(|message| Fault { at: at(), message }).collect()
}

/// Whether anything has the name that a target is about.
pub(crate) fn is_known(target: &Target, sources: &Sources, in_use: &InUse) -> bool {
    let (whom, known) = match target {
        Target::Call(whom) => (whom, names_of_calls(sources, in_use)),
        Target::Named(kind, whom) => (whom, names_of(*kind, sources, in_use)),
        Target::Every(_) | Target::EveryCall => return true,
    };
    let names = known.keys().chain(&in_use.announced);
    names.map(String::as_str).any(|name| whom.is(name))
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Breaker => "breakers",
        Kind::RateLimit => "rate limits",
        Kind::Bulkhead => "bulkheads",
    }
}

/// Names with the place in the code that they come from, where there is one.
type Known = BTreeMap<String, String>;

fn collisions(what: &str, names: &Known) -> Vec<String> {
    let mut by_form: BTreeMap<String, (&String, &String)> = BTreeMap::new();
    let mut found = Vec::new();
    for (name, place) in names {
        let form = form_of(name);
        if let Some((other, there)) = by_form.get(&form) {
            found.push(format!(
                "the {what} {other:?}{there} and {name:?}{place} are both {form} in variables; give \
                 one of them another name"
            ));
        } else {
            by_form.insert(form, (name, place));
        }
    }
    found
}

fn declared<'a>(sources: &'a Sources, in_use: &'a InUse) -> impl Iterator<Item = Declared<'a>> {
    let sites = sources
        .sites
        .iter()
        .map(|listed| -> Declared<'a> { listed.declared() });
    sites.chain(in_use.made.iter().map(|made| made.declared()))
}

fn names_of_calls(sources: &Sources, in_use: &InUse) -> Known {
    let calls = declared(sources, in_use);
    calls
        .map(|call| (call.name.to_string(), format!(" at {}", call.place)))
        .collect()
}

/// The names of one kind that calls use, before the configuration and under it, and those in use.
fn names_of(kind: Kind, sources: &Sources, in_use: &InUse) -> Known {
    let used = in_use.named.iter().filter(|(of, ..)| *of == kind);
    let mut names: Known = used
        .map(|(_, name, _)| (name.to_string(), String::new()))
        .collect();
    for call in declared(sources, in_use) {
        for patch in [sources.call(&call).patch, Patch::of(call.settings)] {
            if let Some(name) = name_in(kind, call.name, &patch) {
                names.insert(name.to_string(), format!(" at {}", call.place));
            }
        }
    }
    names
}

struct Check<'a> {
    sources: &'a Sources,
    in_use: &'a InUse,
    definitions: HashMap<(Kind, Name), Arc<Definition>>,
    checked: Checked,
}

fn whose(name: Name) -> String {
    format!("{name:?}")
}

impl Check<'_> {
    fn definition(&mut self, kind: Kind, name: Name) -> Arc<Definition> {
        let (sources, in_use) = (self.sources, self.in_use);
        let known = self.definitions.entry((kind, name)).or_insert_with(|| {
            let mut used = in_use.named.iter();
            Arc::new(
                match used.find(|(of, used, _)| (*of, *used) == (kind, name)) {
                    Some((.., definition)) => definition.under(kind, name, sources),
                    None => Definition::of(kind, name, sources),
                },
            )
        });
        known.clone()
    }

    fn call(&mut self, declared: &Declared<'_>) {
        let mut call = self.sources.call(declared);
        if self.adds_what_needs_code(declared, &call) {
            return;
        }
        let at = format!("{:?} at {}", &*declared.name, declared.place);
        for kind in Kind::ALL {
            if let Some(name) = name_in(kind, declared.name, &call.patch) {
                let definition = self.definition(kind, name);
                call.adopt(&definition.in_force);
            }
        }
        self.rules(&call, declared.flavor, &at);
        self.stores(declared.name, &call);
    }

    /// Retries and fallbacks need code that only the attribute writes.
    fn adds_what_needs_code(&mut self, declared: &Declared<'_>, call: &Layered) -> bool {
        let before = self.checked.faults.len();
        let code = Patch::of(declared.settings);
        let added = [
            ("retry", code.retry.is_none()),
            ("fallback", code.fallback.is_none()),
            ("cache", code.cache.is_none()),
        ];
        for (policy, _) in added.into_iter().filter(|(_, missing)| *missing) {
            let mut values = call.values().iter();
            let is_of = |path: &str| path.split('.').next() == Some(policy);
            if let Some(value) = values.find(|value| is_of(value.path)) {
                let (name, place) = (&declared.name, declared.place);
                let message = format!(
                    "{:?} has no `{policy}`, and configuration can't add one; add it to the \
                     attribute at {place}",
                    &**name
                );
                self.checked.faults.push(Fault::new(&value.origin, message));
            }
        }
        let refreshes = code.cache.is_some_and(|cache| cache.stale.is_some());
        let mut values = call.values().iter();
        if let (Some(_), false) = (code.cache, refreshes)
            && let Some(value) = values.find(|value| value.path == "cache.stale")
        {
            let message = format!(
                "{:?} has no `cache(stale)`, and configuration can't add the refresh behind it; \
                 write `stale` in the attribute at {}",
                &*declared.name, declared.place
            );
            self.checked.faults.push(Fault::new(&value.origin, message));
        }
        self.stores_what_needs_code(declared, call, &code);
        self.checked.faults.len() > before
    }

    /// What is kept in Redis is written down by code for its type, which only the attribute asks for.
    fn stores_what_needs_code(&mut self, declared: &Declared<'_>, call: &Layered, code: &Patch) {
        let cache = code.cache.map(|cache| cache.store);
        let fallback = code.fallback.map(|fallback| fallback.store);
        for (path, policy, stores) in [
            ("cache.store", "cache", cache),
            ("fallback.store", "fallback", fallback),
        ] {
            let redis = Some(Store::Redis);
            let mut values = call.values().iter();
            if stores.is_some_and(|store| store != redis)
                && let Some(value) = values.find(|value| value.path == path)
                && value.value == Value::from(Store::Redis)
            {
                let message = format!(
                    "{:?} keeps its answers in memory, and configuration can't add what writes them \
                     down; write `{policy}(store = \"redis\")` in the attribute at {}",
                    &*declared.name, declared.place
                );
                self.checked.faults.push(Fault::new(&value.origin, message));
            }
        }
    }

    /// Answers that a fleet is to share, at the place that says so.
    fn stores(&mut self, name: Name, call: &Layered) {
        let stored = call.values().iter().filter(|value| {
            matches!(value.path, "cache.store" | "fallback.store")
                && value.value == Value::from(Store::Redis)
        });
        for value in stored {
            let message = format!(
                "answers of {name:?} are kept in Redis, but none is configured; {ADD_REDIS}"
            );
            self.checked.shared.push(Fault::new(&value.origin, message));
        }
    }

    /// The rules between options, where a configured value takes part.
    fn rules(&mut self, layered: &Layered, flavor: Flavor, whose: &str) {
        if !layered
            .values()
            .iter()
            .any(|value| value.origin.is_configured())
        {
            return;
        }
        for broken in validate(&layered.patch, flavor) {
            let Some(origin) = to_blame(layered, &broken, flavor) else {
                continue;
            };
            let Broken { path, message, .. } = broken;
            let message = match owner(path) {
                Some(Place::Registry) => message,
                _ => format!("{message}, in {whose}"),
            };
            self.checked.faults.push(Fault::new(&origin, message));
        }
    }

    /// Policies that a fleet is to share, each at the place that says so.
    fn shared(&mut self) {
        let mut named: Vec<_> = self.definitions.iter().collect();
        named.sort_by_key(|((kind, name), _)| (kind.word(), *name));
        for ((kind, name), definition) in named {
            let path = match kind {
                Kind::Breaker => "breaker.scope",
                Kind::RateLimit => "rate_limit.scope",
                Kind::Bulkhead => "bulkhead.scope",
            };
            let mut values = definition.in_force.values().iter();
            let shared = values
                .find(|value| value.path == path && value.value == Value::from(Scope::Shared));
            if let Some(value) = shared {
                let message = format!(
                    "the {} {name:?} is shared, but no Redis is configured; {ADD_REDIS}",
                    kind.word().replace('_', " ")
                );
                self.checked.shared.push(Fault::new(&value.origin, message));
            }
        }
    }

    fn names(&mut self) {
        let calls = names_of_calls(self.sources, self.in_use);
        let kinds = Kind::ALL.map(|kind| names_of(kind, self.sources, self.in_use));
        for (target, origin) in &self.sources.layers.mentioned {
            let (whom, what, known) = match target {
                Target::Call(whom) => (whom, "call", &calls),
                Target::Named(kind, whom) => {
                    let place = Kind::ALL.iter().position(|known| known == kind);
                    (whom, kind.word(), &kinds[place.unwrap_or_default()])
                }
                Target::Every(_) | Target::EveryCall => continue,
            };
            let names = known
                .keys()
                .chain(&self.in_use.announced)
                .map(String::as_str);
            if names.clone().any(|name| whom.is(name)) {
                continue;
            }
            let fault = Fault::new(origin, unknown(what, whom, origin, names));
            self.checked.unknown.push(fault);
        }
    }
}

fn unknown<'a>(
    what: &str,
    whom: &Whom,
    origin: &Origin,
    names: impl Iterator<Item = &'a str>,
) -> String {
    let what = what.replace('_', " ");
    match whom {
        Whom::Name(given) => match closest(given, names) {
            Some(near) => format!("no {what} is named {given:?}; did you mean {near:?}?"),
            None => format!("no {what} is named {given:?}; the code declares none of that name"),
        },
        Whom::Form(given) => {
            let forms: Vec<String> = names.map(form_of).collect();
            match closest(given, forms.iter().map(String::as_str)) {
                Some(near) => {
                    let meant = origin.to_string().replacen(&**given, near, 1);
                    format!("no {what} is named {given}; did you mean {meant}?")
                }
                None => format!("no {what} is named {given}; the code declares none of that name"),
            }
        }
    }
}

/// Which of the configured values a fault is reported at: the option at fault, or one without which
/// there would be none.
fn to_blame(layered: &Layered, broken: &Broken, flavor: Flavor) -> Option<Origin> {
    let configured = layered
        .values()
        .iter()
        .filter(|value| value.origin.is_configured());
    let at = configured.clone().find(|value| value.path == broken.path);
    let without = |value: &SetValue| {
        let mut settings = layered.patch.settings();
        settings.retain(|setting| setting.path != value.path);
        let below = value.was.first().map(|(below, _)| Setting {
            path: value.path,
            value: *below,
        });
        settings.extend(below);
        validate(&Patch::of(&settings), flavor)
    };
    let cause = || {
        configured
            .clone()
            .find(|value| !without(value).contains(broken))
    };
    at.or_else(cause).map(|value| value.origin.clone())
}

impl Checked {
    /// Whether a fault is about a subject of the configuration at all.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&Fault, &Origin)> {
        self.faults.iter().filter_map(|fault| match &fault.at {
            At::Origin(origin @ Origin::Variable(_)) => Some((fault, origin)),
            _ => None,
        })
    }
}
