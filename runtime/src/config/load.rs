//! Reading a configuration as a whole: files, variables, and the check of both.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::check::{InUse, check, code_faults, is_known};
use super::report::Fault;
use super::{Layers, Origin, Sources, read, variables};
use crate::catalog::Catalog;

/// Variables as a process has them.
pub(crate) type Variables = Vec<(OsString, OsString)>;

/// What to do about names that nothing declares.
///
/// A table for such a name in a file is most likely a typo, so it is an error, unless the list of
/// declared names may be incomplete: on platforms without constructors before `main`, or where
/// policies are made by hand later on. [`Setup::declare`](crate::Setup::declare) announces single
/// names instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownNames {
    /// They are faults, with the nearest name that is declared.
    Refuse,
    /// They are reported as events, and hold for whatever has the name later.
    Warn,
}

/// What was read, sound as far as it goes.
pub(crate) struct Loaded {
    pub(crate) layers: Arc<Layers>,
    pub(crate) warnings: Vec<Fault>,
    /// What files and variables say of Redis.
    #[cfg(feature = "redis")]
    pub(crate) redis: crate::shared::RedisSettings,
}

/// Whether there is a place for what a fleet shares, whatever files and variables say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(any(feature = "redis", feature = "testing")), allow(dead_code))]
pub(crate) enum Backing {
    /// The code names one, or nothing is to be said of it.
    Known,
    /// Only files and variables may name one.
    Asked,
}

/// Reads and checks everything.
///
/// # Errors
///
/// Every fault there is.
pub(crate) fn load(
    files: &[PathBuf],
    variables: &Variables,
    unknown: UnknownNames,
    sites: &Catalog,
    in_use: &InUse,
    backing: Backing,
) -> Result<Loaded, Vec<Fault>> {
    let files = files.iter().map(|file| read::read(file));
    load_said(files, variables, unknown, sites, in_use, backing)
}

/// Checks what files are said to hold.
pub(crate) fn load_said(
    files: impl Iterator<Item = read::Said>,
    variables: &Variables,
    unknown: UnknownNames,
    sites: &Catalog,
    in_use: &InUse,
    backing: Backing,
) -> Result<Loaded, Vec<Fault>> {
    let mut layers = Layers::default();
    let mut faults = Vec::new();
    #[cfg(feature = "redis")]
    let mut redis = crate::shared::RedisSettings::default();
    for file in files {
        #[cfg(feature = "redis")]
        redis.merge(file.redis);
        layers.defaults.push(file.defaults);
        layers.named.push(file.entries);
        layers.mentioned.extend(file.mentioned);
        faults.extend(file.faults);
    }
    let said = variables::read(variables);
    faults.extend(said.faults);
    #[cfg(feature = "redis")]
    redis.merge(said.redis);
    layers.add_variables([said.mode, said.operators, said.general]);
    let sources = Sources::new(0, sites.clone(), sites.clone(), Arc::new(layers));
    let checked = check(&sources, in_use);
    let shared = checked.shared();
    faults.extend(checked.faults);
    #[cfg(feature = "redis")]
    let backing = if redis.is_configured() {
        Backing::Known
    } else {
        backing
    };
    if backing == Backing::Asked {
        faults.extend(shared);
    }
    faults.extend(code_faults(&sources, in_use));
    let doubtful = said.doubtful.into_iter();
    let ours = doubtful.filter(|(target, _)| is_known(target, &sources, in_use));
    faults.extend(ours.map(|(_, fault)| fault));
    let layers = sources.layers.clone();
    let (refused, mut warnings): (Vec<_>, Vec<_>) = checked
        .unknown
        .into_iter()
        .partition(|fault| unknown == UnknownNames::Refuse && !is_foreign(fault));
    faults.extend(refused);
    warnings.extend(idle_defaults(&layers));
    if faults.is_empty() {
        Fault::in_order(&mut warnings);
        return Ok(Loaded {
            layers,
            warnings,
            #[cfg(feature = "redis")]
            redis,
        });
    }
    Fault::in_order(&mut faults);
    Err(faults)
}

/// Whether a variable may belong to another program: the operators' forms have no prefix of ours.
fn is_foreign(fault: &Fault) -> bool {
    fault.is_at(|origin| match origin {
        Origin::Variable(name) => !name.starts_with("STEADFAST_"),
        _ => false,
    })
}

/// A default adds no limit to a call, and never beats the limit that the code gives.
fn idle_defaults(layers: &Layers) -> Vec<Fault> {
    let all = layers.defaults.iter().flatten();
    let idle = all.filter(|given| matches!(given.setting.path, "timeout" | "deadline"));
    let told = idle.map(|given| {
        let path = given.setting.path;
        let message = format!(
            "a default `{path}` changes nothing: it adds none to a call, and what the code or a \
             name says beats it; write it in [call.\"…\"]"
        );
        Fault::new(&given.origin, message)
    });
    told.collect()
}

/// What variables alone say, where nobody asked for a setup: what is wrong is left out, and told.
pub(crate) fn variables_alone(
    variables: &Variables,
    sites: &Catalog,
    in_use: &InUse,
) -> (Arc<Layers>, Vec<Fault>) {
    let said = variables::read(variables);
    let mut told = said.faults;
    if !said.doubtful.is_empty() {
        let nothing = Sources::new(0, sites.clone(), sites.clone(), Arc::default());
        let doubtful = said.doubtful.into_iter();
        let ours = doubtful.filter(|(target, _)| is_known(target, &nothing, in_use));
        told.extend(ours.map(|(_, fault)| fault));
    }
    let mut layers = Layers::default();
    layers.add_variables([said.mode, said.operators, said.general]);
    let mut layers = Arc::new(layers);
    if layers.is_empty() {
        return (layers, told);
    }
    loop {
        let sources = Sources::new(0, sites.clone(), sites.clone(), layers.clone());
        let checked = check(&sources, in_use);
        let Some((fault, variable)) = checked.variables().next() else {
            told.extend(checked.unknown);
            return (layers, told);
        };
        told.push(fault.clone());
        let variable = variable.clone();
        drop(checked);
        drop(sources);
        let layers = Arc::get_mut(&mut layers).expect("nobody else has them");
        layers.leave_out(&variable);
    }
}
