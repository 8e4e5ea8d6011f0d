//! A configuration against what the code declares, before anything changes.

use std::sync::Arc;

use steadfast_options::{
    Fault as Broken, Flavor, Name, Patch, Place, Scope, Setting, Store, Value, closest, validate,
};

use super::layers::{Target, Whom, form_of, owner};
use super::report::{At, Fault};
use super::{Declared, Kind, Layered, Origin, SetValue, Sources, name_in};
use crate::builder::Made;
use crate::conflict;
use crate::definition::{self, Definition};
use crate::sorted::Sorted;

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
pub(crate) struct Checked<'a> {
    sources: &'a Sources,
    in_use: &'a InUse,
    pub(crate) faults: Vec<Fault>,
    /// Names that nothing declares.
    pub(crate) unknown: Vec<Fault>,
    /// What the policies come to that are used or that a call names.
    definitions: Sorted<(Kind, Name), Arc<Definition>>,
    /// What the calls come to that the code can make so.
    calls: Vec<(Name, Layered)>,
}

/// Checks names, what may be added to a call, and the rules between options after merging.
pub(crate) fn check<'a>(sources: &'a Sources, in_use: &'a InUse) -> Checked<'a> {
    let mut checked = Checked {
        sources,
        in_use,
        faults: Vec::new(),
        unknown: Vec::new(),
        definitions: Sorted::default(),
        calls: Vec::new(),
    };
    checked.names();
    for call in declared(sources, in_use) {
        checked.call(&call);
    }
    for (kind, name, _) in &in_use.named {
        let definition = checked.definition(*kind, *name);
        checked.rules(&definition.in_force, Flavor::Async, &whose(*name));
    }
    checked
}

/// What the code itself has wrong: places that disagree, and names that variables can't tell apart.
pub(crate) fn code_faults(sources: &Sources, in_use: &InUse) -> Vec<Fault> {
    let conflicts = definition::conflicts(sources).into_iter();
    let conflicts = conflicts.map(|conflict| conflict.to_string());
    let names = Names::of(sources, in_use);
    let mut alike = collisions("calls", &names.calls);
    for kind in Kind::ALL {
        alike.extend(collisions(plural(kind), names.of_kind(kind)));
    }
    let all = conflicts.chain(alike);
    let at = || At::Itself;
    all.map(|message| Fault { at: at(), message }).collect()
}

/// Whether anything has the name that a target is about.
pub(crate) fn is_known(target: &Target, sources: &Sources, in_use: &InUse) -> bool {
    match Names::of(sources, in_use).about(target) {
        Some((whom, known, _)) => is_among(whom, &all(known, in_use)),
        None => true,
    }
}

fn singular(kind: Kind) -> &'static str {
    match kind {
        Kind::Breaker => "breaker",
        Kind::RateLimit => "rate limit",
        Kind::Bulkhead => "bulkhead",
    }
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Breaker => "breakers",
        Kind::RateLimit => "rate limits",
        Kind::Bulkhead => "bulkheads",
    }
}

/// Names with the place in the code that they come from, where there is one.
type Known = Sorted<Name, Option<conflict::Place>>;

/// The names that there are.
#[derive(Default)]
struct Names {
    calls: Known,
    /// Those that calls use, before the configuration and under it, and those in use.
    breakers: Known,
    rate_limits: Known,
    bulkheads: Known,
}

impl Names {
    fn of(sources: &Sources, in_use: &InUse) -> Self {
        let mut names = Self::default();
        for (kind, name, _) in &in_use.named {
            names.of_kind_mut(*kind).get_or(*name, || None);
        }
        for call in declared(sources, in_use) {
            *names.calls.get_or(call.name, || None) = Some(call.place);
            for patch in [sources.call(&call).patch, Patch::of(call.settings)] {
                for kind in Kind::ALL {
                    if let Some(name) = name_in(kind, call.name, &patch) {
                        *names.of_kind_mut(kind).get_or(name, || None) = Some(call.place);
                    }
                }
            }
        }
        names
    }

    fn of_kind(&self, kind: Kind) -> &Known {
        match kind {
            Kind::Breaker => &self.breakers,
            Kind::RateLimit => &self.rate_limits,
            Kind::Bulkhead => &self.bulkheads,
        }
    }

    fn of_kind_mut(&mut self, kind: Kind) -> &mut Known {
        match kind {
            Kind::Breaker => &mut self.breakers,
            Kind::RateLimit => &mut self.rate_limits,
            Kind::Bulkhead => &mut self.bulkheads,
        }
    }

    /// Whom a target is about, the names it may be, and of what; none where it is about all.
    fn about<'a>(&'a self, target: &'a Target) -> Option<(&'a Whom, &'a Known, &'static str)> {
        match target {
            Target::Call(whom) => Some((whom, &self.calls, "call")),
            Target::Named(kind, whom) => Some((whom, self.of_kind(*kind), singular(*kind))),
            Target::Every(_) | Target::EveryCall => None,
        }
    }
}

/// These names, and those that the program announced.
fn all<'a>(known: &Known, in_use: &'a InUse) -> Vec<&'a str> {
    let known = known.iter().map(|(name, _)| name.as_str());
    known
        .chain(in_use.announced.iter().map(String::as_str))
        .collect()
}

fn is_among(whom: &Whom, names: &[&str]) -> bool {
    names.iter().any(|name| whom.is(name))
}

fn collisions(what: &str, names: &Known) -> Vec<String> {
    let at = |place: &Option<conflict::Place>| {
        place.map_or(String::new(), |place| format!(" at {place}"))
    };
    let mut by_form: Sorted<String, (Name, String)> = Sorted::default();
    let mut found = Vec::new();
    for (name, place) in names.iter() {
        let (form, place) = (form_of(name), at(place));
        if let Some((other, there)) = by_form.get(&form) {
            found.push(format!(
                "the {what} {other:?}{there} and {name:?}{place} are both {form} in variables; give \
                 one of them another name"
            ));
        } else {
            by_form.get_or(form, || (*name, place));
        }
    }
    found
}

fn declared<'a>(sources: &'a Sources, in_use: &'a InUse) -> Vec<Declared<'a>> {
    let mut all = Vec::new();
    for listed in sources.sites.iter() {
        all.push(listed.declared());
    }
    for made in &in_use.made {
        all.push(made.declared());
    }
    all
}

fn whose(name: Name) -> String {
    format!("{name:?}")
}

impl Checked<'_> {
    fn definition(&mut self, kind: Kind, name: Name) -> Arc<Definition> {
        let (sources, in_use) = (self.sources, self.in_use);
        let known = self.definitions.get_or((kind, name), || {
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
        self.calls.push((declared.name, call));
    }

    /// Retries and fallbacks need code that only the attribute writes.
    fn adds_what_needs_code(&mut self, declared: &Declared<'_>, call: &Layered) -> bool {
        let before = self.faults.len();
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
                self.faults.push(Fault::new(&value.origin, message));
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
            self.faults.push(Fault::new(&value.origin, message));
        }
        self.stores_what_needs_code(declared, call, &code);
        self.faults.len() > before
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
                self.faults.push(Fault::new(&value.origin, message));
            }
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
            self.faults.push(Fault::new(&origin, message));
        }
    }

    /// What a fleet is to share, each at the place that says so: faults where there is no place for
    /// that.
    pub(crate) fn shared(&self) -> Vec<Fault> {
        let mut shared = Vec::new();
        for (name, call) in &self.calls {
            let stored = call.values().iter().filter(|value| {
                matches!(value.path, "cache.store" | "fallback.store")
                    && value.value == Value::from(Store::Redis)
            });
            for value in stored {
                let message = format!(
                    "answers of {name:?} are kept in Redis, but none is configured; {ADD_REDIS}"
                );
                shared.push(Fault::new(&value.origin, message));
            }
        }
        for ((kind, name), definition) in self.definitions.iter() {
            let path = match kind {
                Kind::Breaker => "breaker.scope",
                Kind::RateLimit => "rate_limit.scope",
                Kind::Bulkhead => "bulkhead.scope",
            };
            let mut values = definition.in_force.values().iter();
            let scope = values
                .find(|value| value.path == path && value.value == Value::from(Scope::Shared));
            if let Some(value) = scope {
                let message = format!(
                    "the {} {name:?} is shared, but no Redis is configured; {ADD_REDIS}",
                    singular(*kind)
                );
                shared.push(Fault::new(&value.origin, message));
            }
        }
        shared
    }

    fn names(&mut self) {
        let names = Names::of(self.sources, self.in_use);
        for (target, origin) in &self.sources.layers.mentioned {
            let Some((whom, known, what)) = names.about(target) else {
                continue;
            };
            let known = all(known, self.in_use);
            if !is_among(whom, &known) {
                let fault = Fault::new(origin, unknown(what, whom, origin, &known));
                self.unknown.push(fault);
            }
        }
    }

    /// The faults that stand in a variable.
    pub(crate) fn variables(&self) -> impl Iterator<Item = (&Fault, &Origin)> {
        self.faults.iter().filter_map(|fault| match &fault.at {
            At::Origin(origin @ Origin::Variable(_)) => Some((fault, origin)),
            _ => None,
        })
    }
}

fn unknown(what: &str, whom: &Whom, origin: &Origin, names: &[&str]) -> String {
    match whom {
        Whom::Name(given) => match closest(given, names.iter().copied()) {
            Some(near) => format!("no {what} is named {given:?}; did you mean {near:?}?"),
            None => format!("no {what} is named {given:?}; the code declares none of that name"),
        },
        Whom::Form(given) => {
            let forms: Vec<String> = names.iter().map(|name| form_of(name)).collect();
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
