//! The shop: a checkout (pay, store the receipt, mail it, thank the customer) and product pages.

use serde::{Deserialize, Serialize};

pub mod calls;
mod error;
mod letters;
mod requests;
mod service;
mod shop;

pub use error::CallError;
pub use letters::{Letter, Letters, Mailbag, Mailed};
pub use requests::{Api, Payment, Pitch, Product, Thanks};
pub use service::{Service, WORKERS, admin_token};
pub use shop::Shop;

use crate::dependency::Dependency;

/// What a customer buys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// An e-mail address.
    pub customer: String,
    /// The price.
    pub cents: u64,
}

/// What the customer gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The order's number.
    pub order: u64,
    /// The payment's.
    pub payment: String,
    /// Words of thanks.
    pub thanks: String,
    /// Whose work is missing, comes later, or is replaced by something simpler.
    pub degraded: Vec<Dependency>,
}

/// A page about a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// As the catalog has it, or had it.
    pub product: Product,
    /// What speaks for it; empty where that part of the page is missing.
    pub pitch: String,
}

/// Whether the service's calls are guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// With policies: the annotated functions of [`calls`].
    Guarded,
    /// Without: the same requests, as they are.
    Bare,
}
