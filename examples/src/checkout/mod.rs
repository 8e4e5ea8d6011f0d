//! The checkout service: pay, store the receipt, mail it, thank the customer.

use serde::{Deserialize, Serialize};

pub mod calls;
mod error;
mod requests;
mod service;

pub use error::CallError;
pub use requests::{Api, Mail, Payment, Thanks};
pub use service::{Service, WORKERS, admin_token};

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
    /// Whose work is missing, or replaced by something simpler.
    pub degraded: Vec<Dependency>,
}

/// Whether the service's calls are guarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arm {
    /// With policies: the annotated functions of [`calls`].
    Guarded,
    /// Without: the same requests, as they are.
    Bare,
}

impl Arm {
    /// Checks out one order.
    ///
    /// # Errors
    /// Whatever call fails that has no fallback.
    pub async fn check_out(self, api: &Api, order: &Order) -> Result<Confirmation, CallError> {
        match self {
            Self::Guarded => guarded(api, order).await,
            Self::Bare => bare(api, order).await,
        }
    }
}

async fn guarded(api: &Api, order: &Order) -> Result<Confirmation, CallError> {
    let payment = calls::charge(api, order).await?;
    calls::store(api, order, &payment).await?;
    let mail = calls::mail(api, order).await?;
    let thanks = calls::thank(api, order).await?;
    Ok(confirmation(order, payment, mail, thanks))
}

async fn bare(api: &Api, order: &Order) -> Result<Confirmation, CallError> {
    let payment = requests::charge(api, order).await?;
    requests::store(api, order, &payment).await?;
    let mail = requests::mail(api, order).await?;
    let thanks = requests::thank(api, order).await?;
    Ok(confirmation(order, payment, mail, thanks))
}

fn confirmation(order: &Order, payment: Payment, mail: Mail, thanks: Thanks) -> Confirmation {
    let mut degraded = Vec::new();
    if mail == Mail::Later {
        degraded.push(Dependency::Email);
    }
    if thanks.canned {
        degraded.push(Dependency::Llm);
    }
    Confirmation {
        order: order.id,
        payment: payment.id,
        thanks: thanks.text,
        degraded,
    }
}
