//! Names and values, serialized as the text that they have everywhere else (feature `serde`).

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::keyword::{Keyword as _, Scope};
use crate::name::Name;
use crate::patch::Setting;
use crate::value::Value;
use crate::worst_case::WorstCase;

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for WorstCase {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct("Setting", 2)?;
        shown.serialize_field("option", self.path)?;
        shown.serialize_field("value", &self.value)?;
        shown.end()
    }
}
