//! The services that the shop calls.

use std::fmt;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Serialize, Serializer};

/// A service that the shop calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dependency {
    /// Takes the money.
    Payments,
    /// Keeps the receipts.
    Storage,
    /// Sends them.
    Email,
    /// A language-model API, which writes a line of thanks, and one about a product.
    Llm,
    /// Knows the products.
    Catalog,
}

impl Dependency {
    /// In the order a checkout calls them, then the one that product pages need.
    pub const ALL: [Self; 5] = [
        Self::Payments,
        Self::Storage,
        Self::Email,
        Self::Llm,
        Self::Catalog,
    ];

    /// As in scenario files, and the name of the breaker that guards it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Payments => "payments",
            Self::Storage => "storage",
            Self::Email => "email",
            Self::Llm => "llm",
            Self::Catalog => "catalog",
        }
    }

    /// The dependency of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|dependency| dependency.name() == name)
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One `T` for each dependency.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PerDependency<T>([T; 5]);

impl<T> PerDependency<T> {
    /// Each made by `make`.
    pub fn from_fn(mut make: impl FnMut(Dependency) -> T) -> Self {
        Self(Dependency::ALL.map(&mut make))
    }

    /// With what it belongs to, in the order of [`Dependency::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Dependency, &T)> {
        Dependency::ALL.into_iter().zip(&self.0)
    }
}

impl<T> Index<Dependency> for PerDependency<T> {
    type Output = T;

    fn index(&self, dependency: Dependency) -> &T {
        &self.0[dependency as usize]
    }
}

impl<T> IndexMut<Dependency> for PerDependency<T> {
    fn index_mut(&mut self, dependency: Dependency) -> &mut T {
        &mut self.0[dependency as usize]
    }
}

impl<T: Serialize> Serialize for PerDependency<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}
