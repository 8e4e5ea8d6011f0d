//! What environment variables say: the general form, and that of operators.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use steadfast_options::{OptionMeta, POLICIES, Place, PolicyMeta, Raw, Setting, closest};

use super::layers::{Entry, Target, Whom};
use super::report::Fault;
use super::{Given, Kind, Origin};

/// What the environment says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The mode of all, which whatever else variables say beats.
    pub(crate) mode: Vec<Entry>,
    /// In the operators' forms, which the general form beats.
    pub(crate) operators: Vec<Entry>,
    pub(crate) general: Vec<Entry>,
    pub(crate) faults: Vec<Fault>,
    /// Where Redis is, and its password.
    #[cfg(feature = "redis")]
    pub(crate) redis: crate::shared::RedisSettings,
    /// Faults of the operators' forms, which are none of ours where nobody has the name.
    pub(crate) doubtful: Vec<(Target, Fault)>,
}

const PREFIX: &str = "STEADFAST_";

/// Forms of the breaker's options that operators know, in seconds where they say so.
const BREAKER_FORMS: [(&str, &str); 4] = [
    ("_CIRCUIT_FAILURE_THRESHOLD", "breaker.failures"),
    ("_CIRCUIT_RECOVERY_SECONDS", "breaker.recovery"),
    ("_CIRCUIT_WINDOW_SECONDS", "breaker.window"),
    ("_CIRCUIT_HALF_OPEN_MAX_CALLS", "breaker.half_open"),
];

/// Forms for every rate limit.
const LIMIT_FORMS: [(&str, &str); 2] = [
    ("RATE_LIMIT_FAIL_OPEN_SECONDS", "rate_limit.fail_open"),
    ("RATE_LIMIT_REDIS_PROBE_SECONDS", "rate_limit.probe"),
];

/// The admin router reads it, where there is one.
const ADMIN_TOKEN: &str = "ADMIN_TOKEN";

/// Reads variables, and what is wrong with them. Those of other programs say nothing.
pub(crate) fn read(variables: &[(OsString, OsString)]) -> Said {
    let mut said = Said::default();
    for (name, value) in variables {
        let Some(name) = name.to_str() else {
            continue;
        };
        if let Err(message) = said.variable(name, value) {
            let origin = Origin::Variable(name.into());
            said.faults.push(Fault::new(&origin, message));
        }
    }
    said
}

impl Said {
    fn variable(&mut self, name: &str, value: &OsStr) -> Result<(), String> {
        let text = || {
            let text = value.to_str();
            text.ok_or_else(|| "its value is no UTF-8".to_owned())
        };
        if let Some("MODE") = name.strip_prefix(PREFIX) {
            self.mode = mode_of_all(name, text()?)?;
            return Ok(());
        }
        if let Some(rest @ ("REDIS_URL" | "REDIS_PASSWORD")) = name.strip_prefix(PREFIX) {
            return self.redis(rest, text()?);
        }
        if name.strip_prefix(PREFIX) == Some(ADMIN_TOKEN) {
            return admin_token();
        }
        if let Some(rest) = name.strip_prefix(PREFIX) {
            let (target, option) = general(rest)?;
            let setting = Setting::parse(option.path, &Raw::Plain(text()?))?;
            self.general.push(entry(target, setting, name));
            return Ok(());
        }
        let for_breaker = BREAKER_FORMS.iter().find_map(|(ending, path)| {
            let form = name.strip_suffix(ending).filter(|form| !form.is_empty())?;
            Some((Target::Named(Kind::Breaker, Whom::Form(form.into())), path))
        });
        let for_limits = LIMIT_FORMS.iter().find(|(known, _)| *known == name);
        let for_limits = for_limits.map(|(_, path)| (Target::Every(Kind::RateLimit), path));
        if let Some((target, path)) = for_breaker.or(for_limits) {
            let in_seconds = name.ends_with("_SECONDS");
            match text().and_then(|text| in_operators_form(path, text, in_seconds)) {
                Ok(setting) => self.operators.push(entry(target, setting, name)),
                Err(message) => {
                    let fault = Fault::new(&Origin::Variable(name.into()), message);
                    self.doubtful.push((target, fault));
                }
            }
        }
        Ok(())
    }
}

impl Said {
    #[cfg(feature = "redis")]
    fn redis(&mut self, which: &str, text: &str) -> Result<(), String> {
        if which == "REDIS_PASSWORD" {
            self.redis.password = Some(crate::shared::Secret::new(text));
        } else {
            self.redis.urls = Some(vec![super::redis::url(text)?]);
        }
        Ok(())
    }

    #[cfg(not(feature = "redis"))]
    #[allow(clippy::unused_self)] // as with the feature
    fn redis(&mut self, _: &str, _: &str) -> Result<(), String> {
        Err("this program shares nothing through Redis; build it with the feature `redis` of steadfast".into())
    }
}

fn admin_token() -> Result<(), String> {
    if cfg!(feature = "admin") {
        return Ok(());
    }
    Err("it is for the admin router; build steadfast with the feature `admin`".into())
}

/// One entry for the calls, and one for each kind of policy, whose handles have it too.
fn mode_of_all(name: &str, text: &str) -> Result<Vec<Entry>, String> {
    let raw = Raw::Plain(text);
    let mut entries = vec![entry(
        Target::EveryCall,
        Setting::parse("mode", &raw)?,
        name,
    )];
    for kind in Kind::ALL {
        let setting = Setting::parse(&format!("{}.mode", kind.word()), &raw)?;
        entries.push(entry(Target::Every(kind), setting, name));
    }
    Ok(entries)
}

fn entry(target: Target, setting: Setting, name: &str) -> Entry {
    let origin = Origin::Variable(Arc::from(name));
    Entry {
        target,
        given: Given { setting, origin },
    }
}

fn in_operators_form(path: &str, text: &str, in_seconds: bool) -> Result<Setting, String> {
    let text = text.trim();
    if !in_seconds {
        return Setting::parse(path, &Raw::Plain(text));
    }
    let digits = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if !digits || text.parse::<f64>().is_err() {
        return Err(format!(
            "{text:?} is no number of seconds; write one such as 30"
        ));
    }
    Setting::parse(path, &Raw::Plain(&format!("{text}s")))
}

/// Whom a variable of the general form is about, and which option.
fn general(rest: &str) -> Result<(Target, &'static OptionMeta), String> {
    if let Some(rest) = rest.strip_prefix("CALL__") {
        let (rest, option) = rest.rsplit_once("__").ok_or_else(call_form)?;
        let found = POLICIES[1..].iter().find_map(|policy| {
            let name = rest.strip_suffix(&upper(policy.name))?;
            Some((name.strip_suffix("__")?, policy))
        });
        let (name, policy) = found.unwrap_or((rest, &POLICIES[0]));
        if name.is_empty() {
            return Err(call_form());
        }
        let option = option_of(policy, option)?;
        if option.place == Place::Registry {
            let kind = upper(policy.name);
            return Err(format!(
                "`{}` belongs to the {} that the call names: write {PREFIX}{kind}__NAME__{}",
                option.path,
                policy.name,
                upper(option.name)
            ));
        }
        return Ok((Target::Call(Whom::Form(name.into())), option));
    }
    for kind in Kind::ALL {
        let word = upper(kind.word());
        if let Some(rest) = rest
            .strip_prefix(&word)
            .and_then(|rest| rest.strip_prefix("__"))
        {
            return named(kind, rest);
        }
    }
    Err(unknown(rest))
}

fn named(kind: Kind, rest: &str) -> Result<(Target, &'static OptionMeta), String> {
    let word = upper(kind.word());
    let form = || format!("write {PREFIX}{word}__NAME__OPTION");
    let (name, option) = rest.rsplit_once("__").ok_or_else(form)?;
    if name.is_empty() {
        return Err(form());
    }
    let option = option_of(PolicyMeta::find(kind.word())?, option)?;
    if option.place == Place::Call {
        return Err(format!(
            "`{}` belongs to the call: write {PREFIX}CALL__NAME__{word}__{}",
            option.path,
            upper(option.name)
        ));
    }
    Ok((Target::Named(kind, Whom::Form(name.into())), option))
}

/// As variables write the words of the table.
#[inline(never)]
fn upper(word: &str) -> String {
    word.to_ascii_uppercase()
}

fn call_form() -> String {
    format!("write {PREFIX}CALL__NAME__OPTION, or {PREFIX}CALL__NAME__POLICY__OPTION")
}

/// The option that upper case stands for.
fn option_of(policy: &'static PolicyMeta, given: &str) -> Result<&'static OptionMeta, String> {
    let known = policy.options.iter();
    let option = known.clone().find(|option| upper(option.name) == given);
    let Some(option) = option else {
        let names: Vec<String> = known.map(|option| upper(option.name)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        return Err(match closest(given, names.iter().copied()) {
            Some(near) => format!("unknown option {given}; did you mean {near}?"),
            None => format!("unknown option {given}; there are {}", names.join(", ")),
        });
    };
    policy.option(option.name)?;
    if option.place == Place::Attribute {
        return Err(format!(
            "`{}` belongs to the code: only the attribute can hold it",
            option.path
        ));
    }
    Ok(option)
}

fn unknown(rest: &str) -> String {
    const KINDS: [&str; 8] = [
        "BREAKER",
        "RATE_LIMIT",
        "BULKHEAD",
        "CALL",
        "MODE",
        "REDIS_URL",
        "REDIS_PASSWORD",
        "ADMIN_TOKEN",
    ];
    let kind = rest.split("__").next().unwrap_or(rest);
    match closest(kind, KINDS) {
        Some(near) if near == kind => format!("unknown variable; {}", forms()),
        Some(near) => {
            let rest = &rest[kind.len()..];
            format!("unknown variable; did you mean {PREFIX}{near}{rest}?")
        }
        None => format!("unknown variable; {}", forms()),
    }
}

fn forms() -> String {
    format!(
        "write {PREFIX}BREAKER__NAME__OPTION, {PREFIX}RATE_LIMIT__…, {PREFIX}BULKHEAD__… or {PREFIX}CALL__…"
    )
}
