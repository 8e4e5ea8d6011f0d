//! What code and configuration say together: the source of every policy in force.

use std::sync::Arc;
use std::time::Duration;

use steadfast_options::{Flavor, Name, Patch, Place as Owner, Setting, Value};

use super::layered::{Given, Layered};
use super::layers::{Layers, Subject, owner};
use crate::catalog::{Catalog, Listed};
use crate::conflict::Place;
use crate::definition::{Kind, guarded_limit};
use crate::sorted::Sorted;

/// One version of it.
pub(crate) struct Sources {
    /// Counts up with each version.
    pub(crate) version: u64,
    /// Every site that was listed when this was made.
    pub(crate) listed: Catalog,
    /// Those that the registry knows.
    pub(crate) sites: Catalog,
    pub(crate) layers: Arc<Layers>,
    /// The longest limit of what each named policy guards.
    guarded: Sorted<(Kind, Name), Duration>,
}

/// What the code says of a call.
#[derive(Clone, Copy)]
pub(crate) struct Declared<'a> {
    pub(crate) name: Name,
    pub(crate) place: Place,
    pub(crate) flavor: Flavor,
    pub(crate) settings: &'a [Setting],
}

/// What the code says of a call, kept.
pub(crate) struct Call {
    pub(crate) name: Name,
    pub(crate) place: Place,
    flavor: Flavor,
    settings: Vec<Setting>,
}

impl Call {
    pub(crate) fn of(declared: &Declared<'_>) -> Self {
        Self {
            name: declared.name,
            place: declared.place,
            flavor: declared.flavor,
            settings: declared.settings.to_vec(),
        }
    }

    pub(crate) fn declared(&self) -> Declared<'_> {
        Declared {
            name: self.name,
            place: self.place,
            flavor: self.flavor,
            settings: &self.settings,
        }
    }
}

impl Listed {
    pub(crate) fn declared(&self) -> Declared<'static> {
        Declared {
            name: self.name,
            place: self.place(),
            flavor: self.said.flavor,
            settings: &self.said.settings,
        }
    }
}

impl Sources {
    pub(crate) fn new(
        version: u64,
        listed: Catalog,
        sites: Catalog,
        layers: Arc<Layers>,
    ) -> Arc<Self> {
        let mut guarded = Sorted::default();
        for listed in sites.iter() {
            let patch = if layers.is_empty() {
                &listed.said.patch // the list has it already
            } else {
                &call(&listed.declared(), &layers).patch
            };
            for kind in Kind::ALL {
                let name = name_in(kind, listed.name, patch);
                if let (Some(name), Some(limit)) = (name, guarded_limit(patch)) {
                    let longest = guarded.get_or((kind, name), Duration::default);
                    *longest = limit.max(*longest);
                }
            }
        }
        Arc::new(Self {
            version,
            listed,
            sites,
            layers,
            guarded,
        })
    }

    pub(crate) fn longest_guarded(&self, kind: Kind, name: Name) -> Option<Duration> {
        self.guarded.get(&(kind, name)).copied()
    }

    /// What a call comes to, without what belongs to the policies it names.
    pub(crate) fn call(&self, declared: &Declared<'_>) -> Layered {
        call(declared, &self.layers)
    }
}

/// The name of the policy of a kind that a call uses, if it uses one.
pub(crate) fn name_in(kind: Kind, call: Name, patch: &Patch) -> Option<Name> {
    let given = match kind {
        Kind::Breaker => patch.breaker?.name,
        Kind::RateLimit => patch.rate_limit?.name,
        Kind::Bulkhead => patch.bulkhead?.name,
    };
    Some(given.unwrap_or(call))
}

/// Whether a patch has the policy that an option is of.
fn has_policy_of(patch: &Patch, option: &str) -> bool {
    match option.split_once('.').map(|(policy, _)| policy) {
        None => true,
        Some("breaker") => patch.breaker.is_some(),
        Some("retry") => patch.retry.is_some(),
        Some("rate_limit") => patch.rate_limit.is_some(),
        Some("bulkhead") => patch.bulkhead.is_some(),
        Some("fallback") => patch.fallback.is_some(),
        Some("cache") => patch.cache.is_some(),
        Some(_) => false,
    }
}

/// What belongs to a call: `[defaults]`, the code, then the names of files and variables.
fn call(declared: &Declared<'_>, layers: &Layers) -> Layered {
    let code = own_settings(declared);
    let code: Vec<&Given> = code.iter().collect();
    let above = layers.of(Subject::Call(&declared.name));
    let mut layered = Layered::default();
    if !layers.defaults.is_empty() {
        let given = code.iter().chain(above.iter().flatten());
        let used = Patch::of(&given.map(|given| given.setting).collect::<Vec<_>>());
        // A default adds nothing: no policy, and no limit either.
        let tunes = |path: &'static str| {
            owner(path) == Some(Owner::Call)
                && !matches!(path, "timeout" | "deadline")
                && has_policy_of(&used, path)
        };
        for layer in layers.defaults_of(&tunes) {
            layered.lay(&layer);
        }
    }
    layered.lay(&code);
    for layer in above {
        layered.lay(&layer);
    }
    layered
}

/// The settings that belong to the call; of those that belong to a policy it names, no more than
/// that it has one.
fn own_settings(declared: &Declared<'_>) -> Vec<Given> {
    let mut own = Vec::new();
    for setting in declared.settings {
        let setting = match setting.path.split_once('.') {
            Some(("breaker", _)) if belongs_to_name(setting) => in_use("breaker"),
            Some(("rate_limit", _)) if belongs_to_name(setting) => in_use("rate_limit"),
            Some(("bulkhead", _)) if belongs_to_name(setting) => in_use("bulkhead"),
            _ => *setting,
        };
        own.push(Given {
            setting,
            origin: declared.place.into(),
        });
    }
    own
}

fn belongs_to_name(setting: &Setting) -> bool {
    owner(setting.path) == Some(Owner::Registry)
}

fn in_use(policy: &'static str) -> Setting {
    Setting {
        path: policy,
        value: Value::Declared,
    }
}
