//! The list of all annotated functions, with their names.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use steadfast_options::{Annotation, Name};

use crate::conflict::Place;
use crate::site::{Site, SiteEntry};
use crate::sorted::Sorted;

/// A site with what the list says of it.
#[derive(Clone, Copy)]
pub(crate) struct Listed {
    pub(crate) site: &'static Site,
    pub(crate) said: &'static Annotation,
    pub(crate) name: Name,
    pub(crate) naming: Naming,
}

/// Where a call's name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    Given,
    Default,
}

impl Listed {
    /// A site under the name that the code gives it, or its path.
    fn new(site: &'static Site) -> Self {
        let said: &Annotation = Box::leak(Box::new(site.read()));
        let (name, naming) = match said.patch.call.name {
            Some(given) => (given, Naming::Given),
            None => (Name::from_static(said.path), Naming::Default),
        };
        Self {
            site,
            said,
            name,
            naming,
        }
    }

    pub(crate) fn place(&self) -> Place {
        Place {
            file: self.said.file,
            line: self.said.line,
        }
    }
}

/// Every site known so far, in the order of file and line.
pub(crate) type Catalog = Arc<[Listed]>;

/// Whether sites are listed when the program is linked: where constructors run before `main`.
const LISTED_AT_LINK_TIME: bool = cfg!(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos",
    target_os = "ios",
    target_os = "windows",
    target_os = "freebsd",
    target_os = "netbsd",
    target_os = "openbsd",
    target_os = "dragonfly",
));

/// Set where a site came to the list by its first call, so that others may be missing.
static INCOMPLETE: AtomicBool = AtomicBool::new(!LISTED_AT_LINK_TIME);

/// Whether every annotated function is on the list.
#[cfg_attr(not(feature = "config"), allow(dead_code))]
pub(crate) fn is_complete() -> bool {
    drop(catalog());
    !INCOMPLETE.load(Ordering::Relaxed)
}

static CATALOG: LazyLock<Mutex<Catalog>> = LazyLock::new(|| {
    let mut sites = Vec::new();
    for entry in inventory::iter::<SiteEntry>() {
        put(&mut sites, entry.0);
    }
    Mutex::new(named(sites))
});

/// In the order of file and line.
fn put(sites: &mut Vec<Listed>, site: &'static Site) {
    let listed = Listed::new(site);
    let place = sites.partition_point(|known| known.place() <= listed.place());
    sites.insert(place, listed);
}

fn catalog() -> MutexGuard<'static, Catalog> {
    CATALOG.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn all() -> Catalog {
    catalog().clone()
}

/// What the list says of this site, which is put on it where constructors before `main` did not.
pub(crate) fn of(site: &'static Site) -> Listed {
    let mut catalog = catalog();
    let known = |catalog: &Catalog| catalog.iter().find(|listed| listed.site.is(site)).copied();
    if let Some(known) = known(&catalog) {
        return known;
    }
    INCOMPLETE.store(true, Ordering::Relaxed);
    let mut sites = catalog.to_vec();
    put(&mut sites, site);
    *catalog = named(sites);
    known(&catalog).expect("the site was just put on the list")
}

/// Where functions have the same default name, each gets `@line`.
fn named(mut sites: Vec<Listed>) -> Catalog {
    let mut alike: Sorted<&str, u32> = Sorted::default();
    for listed in &sites {
        if listed.naming == Naming::Default {
            *alike.get_or(listed.said.path, || 0) += 1;
        }
    }
    for listed in &mut sites {
        let Annotation { path, line, .. } = *listed.said;
        if listed.naming == Naming::Default && alike.get(&path) > Some(&1) {
            listed.name = with_line(Name::from_static(path), line);
        }
    }
    sites.into()
}

/// No given name can hold an `@`. Each is kept once, for the life of the process.
fn with_line(name: Name, line: u32) -> Name {
    static KEPT: Mutex<Vec<Name>> = Mutex::new(Vec::new());
    let text = format!("{name}@{line}");
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = kept.iter().find(|known| ***known == *text) {
        return *known;
    }
    let name = Name::from_static(text.leak());
    kept.push(name);
    name
}
