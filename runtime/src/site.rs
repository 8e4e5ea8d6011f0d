//! Annotated functions: what the attribute says of each.

use steadfast_options::{Flavor, Name, Setting};

use crate::conflict::Place;
use crate::policy::{PolicyRef, Resolved};
use crate::registry;
use crate::retry::Retrying;
use crate::slot::Slot;

/// What the attribute says of one function. Made by the attribute alone.
#[doc(hidden)]
pub struct Site {
    default_name: &'static str,
    given_name: Option<&'static str>,
    pub(crate) place: Place,
    pub(crate) flavor: Flavor,
    pub(crate) settings: &'static [Setting],
    pub(crate) notify: Option<fn(&Retrying<'_>)>,
    /// The policy in the global registry, once it is known and while no other registry is in use.
    pub(crate) policy: Slot<Resolved>,
}

impl Site {
    #[must_use]
    pub const fn new(
        name: &'static str,
        file: &'static str,
        line: u32,
        flavor: Flavor,
        settings: &'static [Setting],
    ) -> Self {
        Self {
            default_name: name,
            given_name: None,
            place: Place { file, line },
            flavor,
            settings,
            notify: None,
            policy: Slot::empty(),
        }
    }

    #[must_use]
    pub const fn named(mut self, name: &'static str) -> Self {
        self.given_name = Some(name);
        self
    }

    #[must_use]
    pub const fn notify(mut self, notify: fn(&Retrying<'_>)) -> Self {
        self.notify = Some(notify);
        self
    }

    /// The policy that holds for a call that begins now.
    #[inline]
    pub fn policy(&'static self) -> PolicyRef {
        match self.policy.get() {
            Some(policy) => PolicyRef::global(policy),
            None => registry::policy_of(self),
        }
    }

    /// The call's name, and whether the code gave it or the module and function did.
    pub(crate) fn own_name(&self) -> (Name, Naming) {
        match self.given_name {
            Some(given) => (Name::from_static(given), Naming::Given),
            None => (Name::from_static(self.default_name), Naming::Default),
        }
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// Where a call's name comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    Given,
    Default,
}

/// A site on the list that is filled at link time.
#[doc(hidden)]
pub struct SiteEntry(pub(crate) &'static Site);

impl SiteEntry {
    #[must_use]
    pub const fn new(site: &'static Site) -> Self {
        Self(site)
    }
}

inventory::collect!(SiteEntry);
