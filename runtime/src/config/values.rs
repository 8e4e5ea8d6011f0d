//! Every value in force, those that nobody set among them.

use std::sync::{Arc, Mutex, PoisonError};

use steadfast_options::{POLICIES, Patch, Place, Raw, Setting, Value, built_in};

use super::layers::owner;
use super::{Kind, Layered, Origin, SetValue};
use crate::breaker::probe_timeout;
use crate::definition::Definition;

/// The values of a call, without those of the policies it names.
pub(crate) fn of_call(call: &Layered) -> Vec<SetValue> {
    // That the code declares a policy says nothing new; that the configuration adds one does.
    let is_news =
        |value: &&SetValue| value.value != Value::Declared || value.origin.is_configured();
    let set = call.values().iter().filter(is_news);
    let mut values: Vec<SetValue> = set.cloned().collect();
    values.extend(built_in_values(&call.patch, Place::Call));
    in_order(values)
}

/// The values of a named policy.
pub(crate) fn of_named(kind: Kind, definition: &Definition) -> Vec<SetValue> {
    let mut values = definition.in_force.values().to_vec();
    let mut patch = definition.in_force.patch;
    patch.set(&Setting {
        path: kind.word(),
        value: Value::Declared,
    });
    values.extend(built_in_values(&patch, Place::Registry));
    if kind == Kind::Breaker
        && !values
            .iter()
            .any(|value| value.path == "breaker.probe_timeout")
    {
        let value = probe_timeout(definition.guarded).into();
        values.push(unset("breaker.probe_timeout", value));
    }
    in_order(values)
}

fn built_in_values(patch: &Patch, of: Place) -> impl Iterator<Item = SetValue> {
    let free = built_in(patch).into_iter();
    free.filter_map(move |(option, default)| {
        let setting = Setting::parse(option.path, &Raw::Plain(&default)).ok()?;
        (owner(option.path) == Some(of)).then(|| unset(setting.path, setting.value))
    })
}

fn unset(path: &'static str, value: Value) -> SetValue {
    SetValue {
        path,
        value,
        origin: Origin::BuiltIn,
        was: Vec::new(),
    }
}

/// In the order of the table.
pub(crate) fn in_order(mut values: Vec<SetValue>) -> Vec<SetValue> {
    let place = |path: &str| {
        let mut options = POLICIES.iter().flat_map(|policy| policy.options);
        options.position(|option| option.path == path)
    };
    values.sort_by_cached_key(|value| place(value.path));
    values
}

/// What holds for a policy, where its handles find it.
#[derive(Default)]
pub(crate) struct Held(Mutex<Option<(Kind, Arc<Definition>)>>);

impl Held {
    pub(crate) fn set(&self, kind: Kind, definition: Arc<Definition>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((kind, definition));
    }

    pub(crate) fn values(&self) -> Vec<SetValue> {
        let held = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        held.map_or(Vec::new(), |(kind, definition)| of_named(kind, &definition))
    }
}
