//! What the service does, with policies and without: the same steps in both arms.

use std::sync::Arc;

use super::{
    Api, Arm, CallError, Confirmation, Letters, Mailed, Order, Page, Payment, Pitch, Product,
    Thanks, calls, requests,
};
use crate::dependency::Dependency;

/// One arm of the shop. A clone is the same.
#[derive(Debug, Clone)]
pub struct Shop {
    arm: Arm,
    api: Api,
    letters: Arc<Letters>,
}

impl Shop {
    /// With this arm's calls to these dependencies.
    #[must_use]
    pub fn new(arm: Arm, api: Api) -> Self {
        Self {
            arm,
            api,
            letters: Arc::default(),
        }
    }

    /// Whether its calls are guarded.
    #[must_use]
    pub fn arm(&self) -> Arm {
        self.arm
    }

    /// What it calls.
    #[must_use]
    pub fn api(&self) -> &Api {
        &self.api
    }

    /// The mails it owes.
    #[must_use]
    pub fn letters(&self) -> &Letters {
        &self.letters
    }

    /// Checks out one order.
    ///
    /// # Errors
    /// Whatever call fails that has no fallback.
    pub async fn check_out(&self, order: &Order) -> Result<Confirmation, CallError> {
        match self.arm {
            Arm::Guarded => self.check_out_guarded(order).await,
            Arm::Bare => self.check_out_bare(order).await,
        }
    }

    /// Makes the page of a product.
    ///
    /// # Errors
    /// Whatever call fails that has no fallback.
    pub async fn page(&self, product: u64) -> Result<Page, CallError> {
        let api = &self.api;
        match self.arm {
            Arm::Guarded => {
                let parts =
                    tokio::try_join!(calls::product(api, product), calls::pitch(api, product));
                parts.map(|(product, pitch)| page(Arc::unwrap_or_clone(product), pitch))
            }
            Arm::Bare => {
                let (product, pitch) = (
                    requests::product(api, product),
                    requests::pitch(api, product),
                );
                let parts = tokio::try_join!(product, pitch);
                parts.map(|(product, pitch)| page(product, pitch))
            }
        }
    }

    /// A paid order stands, whatever becomes of its mail: that is noted.
    async fn check_out_guarded(&self, order: &Order) -> Result<Confirmation, CallError> {
        let (api, letters) = (&self.api, &self.letters);
        let payment = calls::charge(api, order).await?;
        calls::store(api, order, &payment).await?;
        let letter = letters.write(order);
        let mailed = letters.note(&letter, &api.mail(&letter).await);
        let thanks = calls::thank(api, order).await?;
        Ok(confirmation(order, payment, mailed, thanks))
    }

    async fn check_out_bare(&self, order: &Order) -> Result<Confirmation, CallError> {
        let (api, letters) = (&self.api, &self.letters);
        let payment = requests::charge(api, order).await?;
        requests::store(api, order, &payment).await?;
        let letter = letters.write(order);
        let sent = requests::mail(api, &letter).await;
        let mailed = letters.note(&letter, &sent);
        sent?;
        let thanks = requests::thank(api, order).await?;
        Ok(confirmation(order, payment, mailed, thanks))
    }
}

fn page(product: Product, pitch: Pitch) -> Page {
    Page {
        product,
        pitch: pitch.text,
    }
}

fn confirmation(order: &Order, payment: Payment, mailed: Mailed, thanks: Thanks) -> Confirmation {
    let mut degraded = Vec::new();
    if mailed != Mailed::Sent {
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
