//! Annotated functions: what the attribute says of each.

use steadfast_options::Annotation;

use crate::call::Call;
use crate::policy::{PolicyRef, Resolved};
use crate::registry;
use crate::retry::Retrying;
use crate::slot::Slot;

/// What the attribute says of one function. Made by the attribute alone.
#[doc(hidden)]
pub struct Site {
    text: &'static str,
    pub(crate) notify: Option<fn(&Retrying<'_>)>,
    /// The policy in the global registry, once it is known and while no other registry is in use.
    pub(crate) policy: Slot<Resolved>,
}

impl Site {
    /// A site with the text of its [`Annotation`].
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            notify: None,
            policy: Slot::empty(),
        }
    }

    #[must_use]
    pub const fn notify(mut self, notify: fn(&Retrying<'_>)) -> Self {
        self.notify = Some(notify);
        self
    }

    /// A call that begins now.
    // Called, not written where it is called, since each annotated function does.
    #[inline(never)]
    #[must_use]
    pub fn call(&'static self) -> Call<'static> {
        Call::at(self)
    }

    /// The policy that holds for a call that begins now.
    pub fn policy(&'static self) -> PolicyRef {
        match self.policy.get() {
            Some(policy) => PolicyRef::global(policy),
            None => registry::policy_of(self),
        }
    }

    /// What the attribute says, which the list of sites asks once.
    pub(crate) fn read(&self) -> Annotation {
        Annotation::read(self.text)
            .unwrap_or_else(|wrong| panic!("the attribute wrote {:?}: {wrong}", self.text))
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
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
