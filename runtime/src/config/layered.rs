//! Layers laid over each other: what holds in the end, and which layer said so.

use steadfast_options::{Merge, Patch, Setting, Value};

use super::Origin;

/// A setting, and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Given {
    pub(crate) setting: Setting,
    pub(crate) origin: Origin,
}

/// A value in force, with the layer that set it.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "camelCase")
)]
#[non_exhaustive]
pub struct SetValue {
    /// The option, such as `breaker.failures`.
    #[cfg_attr(feature = "serde", serde(rename = "option"))]
    pub path: &'static str,
    /// Its value.
    pub value: Value,
    /// The layer that set it.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub origin: Origin,
    /// What lower layers set it to, the highest of them first.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::serialize::was"))]
    pub was: Vec<(Value, Origin)>,
}

/// What several layers come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layered {
    pub(crate) patch: Patch,
    values: Vec<SetValue>,
}

impl Layered {
    /// Lays one layer over those before.
    pub(crate) fn lay(&mut self, layer: &[&Given]) {
        if layer.is_empty() {
            return;
        }
        let mut settings = Vec::new();
        for given in layer {
            settings.push(given.setting);
        }
        self.patch.merge(&Patch::of(&settings));
        let before = std::mem::take(&mut self.values);
        for setting in self.patch.settings() {
            self.values.extend(value(setting, layer, &before));
        }
    }

    /// Takes over what holds for a policy that the call names.
    pub(crate) fn adopt(&mut self, named: &Self) {
        for value in &named.values {
            let SetValue { path, value, .. } = *value;
            self.patch.set(&Setting { path, value });
        }
        let own = std::mem::take(&mut self.values);
        for setting in self.patch.settings() {
            let mut all = own.iter().chain(&named.values);
            let known = all.find(|value| value.path == setting.path);
            self.values.extend(known.cloned());
        }
    }

    /// The values that some layer set, in the table's order.
    pub(crate) fn values(&self) -> &[SetValue] {
        &self.values
    }
}

/// What the value of an option is once `layer` lies over those before.
fn value(
    Setting { path, value }: Setting,
    layer: &[&Given],
    before: &[SetValue],
) -> Option<SetValue> {
    let below = before.iter().find(|known| known.path == path);
    let given = layer.iter().rfind(|given| given.setting.path == path);
    let Some(given) = given else {
        return below.cloned();
    };
    let mut was = Vec::new();
    if let Some(below) = below {
        was.push((below.value, below.origin.clone()));
        was.extend_from_slice(&below.was);
    }
    Some(SetValue {
        path,
        value,
        origin: given.origin.clone(),
        was,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use steadfast_options::Raw;

    use super::*;
    use crate::config::FilePlace;

    const CODE: Origin = Origin::Code {
        file: "a.rs",
        line: 7,
    };

    fn file() -> Origin {
        Origin::File(FilePlace {
            file: Arc::from("a.toml"),
            line: 3,
            column: 5,
        })
    }

    fn lay(layered: &mut Layered, origin: &Origin, settings: &[(&str, Raw<'_>)]) {
        let given = |(path, raw): &(&str, Raw<'_>)| Given {
            setting: Setting::parse(path, raw).unwrap(),
            origin: origin.clone(),
        };
        let layer: Vec<Given> = settings.iter().map(given).collect();
        layered.lay(&layer.iter().collect::<Vec<_>>());
    }

    #[test]
    fn the_higher_layer_wins_and_what_it_beat_is_known() {
        let mut layered = Layered::default();
        let code = [("timeout", Raw::Text("5s")), ("retry.max", Raw::Int(3))];
        lay(&mut layered, &CODE, &code);
        lay(&mut layered, &file(), &[("timeout", Raw::Text("2s"))]);
        let [timeout, max] = layered.values() else {
            panic!("{layered:?}");
        };
        assert_eq!(
            (timeout.value.to_string(), &timeout.origin),
            ("2s".into(), &file())
        );
        assert_eq!(timeout.was[0].0.to_string(), "5s");
        assert_eq!(timeout.was[0].1.to_string(), "a.rs:7");
        assert_eq!((max.path, &max.origin), ("retry.max", &CODE));
    }

    #[test]
    fn what_a_higher_group_replaces_is_gone() {
        let mut layered = Layered::default();
        lay(&mut layered, &CODE, &[("breaker.failures", Raw::Int(3))]);
        let rate = [("breaker.failure_rate", Raw::Float(0.5))];
        lay(&mut layered, &file(), &rate);
        let paths: Vec<_> = layered.values().iter().map(|value| value.path).collect();
        assert_eq!(paths, ["breaker.failure_rate"]);
    }
}
