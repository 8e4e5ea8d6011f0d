//! How status serializes, here and in the admin router (feature `serde`): what `derive` can't say.

use std::time::{Duration, SystemTime};

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use steadfast_options::Value;

use crate::breaker::{Cause, State};
use crate::classify::Class;
use crate::config::Origin;
use crate::sites::{PolicyInfo, SiteInfo};

/// A time as RFC 3339 has it: UTC, with milliseconds.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    // A clock before 1970 or after 9999 is wrong, and shown as the nearest that can be written.
    let latest = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let time = time.clamp(SystemTime::UNIX_EPOCH, latest);
    humantime::format_rfc3339_millis(time).to_string()
}

/// A state as status writes it.
pub(crate) fn word(state: State) -> &'static str {
    match state {
        State::Closed => "CLOSED",
        State::Open => "OPEN",
        State::HalfOpen => "HALF_OPEN",
        State::ForcedOpen => "FORCED_OPEN",
        State::Disabled => "DISABLED",
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as `serialize_with` calls it
pub(crate) fn time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*time))
}

#[cfg(feature = "config")]
#[allow(clippy::ref_option)] // as `serialize_with` calls it
pub(crate) fn maybe_time<S: Serializer>(
    time: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(rfc3339).serialize(serializer)
}

fn whole_millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn millis<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(whole_millis(*time))
}

#[allow(clippy::ref_option)] // as `serialize_with` calls it
pub(crate) fn maybe_millis<S: Serializer>(
    time: &Option<Duration>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(whole_millis).serialize(serializer)
}

/// An error as its text.
#[cfg(feature = "config")]
#[allow(clippy::ref_option)] // as `serialize_with` calls it
pub(crate) fn maybe_text<T: ToString, S: Serializer>(
    error: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    error.as_ref().map(T::to_string).serialize(serializer)
}

/// Pairs as a map.
pub(crate) fn map<K: Serialize, V: Serialize, S: Serializer>(
    pairs: &[(K, V)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(key, value)| (key, value)))
}

/// The keys of a breaker: those in memory, and those that are not closed.
#[allow(clippy::ref_option)] // as `serialize_with` calls it
pub(crate) fn maybe_keys<S: Serializer>(
    keys: &Option<(usize, usize)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Keys {
        held: usize,
        open: usize,
    }
    keys.map(|(held, open)| Keys { held, open })
        .serialize(serializer)
}

/// What lower layers set a value to.
pub(crate) fn was<S: Serializer>(
    was: &[(Value, Origin)],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Was<'a> {
        value: &'a Value,
        #[serde(flatten)]
        origin: &'a Origin,
    }
    serializer.collect_seq(was.iter().map(|(value, origin)| Was { value, origin }))
}

impl Serialize for State {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(word(*self))
    }
}

impl Serialize for Class {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct("Cause", 2)?;
        shown.serialize_field("cause", self.as_str())?;
        shown.serialize_field("error", &self.error())?;
        shown.end()
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (layer, place) = match self {
            Self::BuiltIn => ("built_in", None),
            Self::Defaults(place) => ("defaults", Some(place.to_string())),
            Self::Code { .. } => ("code", Some(self.to_string())),
            Self::File(_) => ("file", Some(self.to_string())),
            Self::Variable(_) => ("variable", Some(self.to_string())),
        };
        let mut shown = serializer.serialize_struct("Origin", 2)?;
        shown.serialize_field("layer", layer)?;
        shown.serialize_field("from", &place)?;
        shown.end()
    }
}

impl Serialize for SiteInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct("SiteInfo", 7)?;
        shown.serialize_field("name", &self.name())?;
        shown.serialize_field("at", &format_args!("{}:{}", self.file(), self.line()))?;
        shown.serialize_field("isAsync", &self.is_async())?;
        shown.serialize_field("worstCase", &self.policy().worst_case())?;
        shown.serialize_field("options", &self.values())?;
        shown.serialize_field("results", &self.calls())?;
        shown.serialize_field("cache", &self.cache())?;
        shown.end()
    }
}

impl Serialize for PolicyInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut shown = serializer.serialize_struct("PolicyInfo", 2)?;
        shown.serialize_field("worstCase", &self.worst_case())?;
        shown.serialize_field("options", &self.settings())?;
        shown.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds_and_no_clock_is_too_wrong() {
        let text = |millis| rfc3339(SystemTime::UNIX_EPOCH + Duration::from_millis(millis));
        assert_eq!(text(1_732_560_000_007), "2024-11-25T18:40:00.007Z");
        assert_eq!(text(u64::MAX / 2), "9999-12-31T23:59:59.000Z");
        let before = SystemTime::UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(rfc3339(before), "1970-01-01T00:00:00.000Z");
    }
}
