//! One arm of the demo: the stand-ins, the service in front of them, and what became of its
//! customers.

use std::sync::Arc;
use std::time::Duration;

use steadfast::State;
use tokio::time::Instant;

use super::mail::{Emails, Left};
use super::saved::{Kept, Saved};
use super::{Plan, StartError};
use crate::checkout::{Api, Arm, Mailbag, Service, Shop};
use crate::dependency::{Dependency, PerDependency};
use crate::load::{Recorder, Second, Totals};
use crate::report::{ArmReport, Pages, Requests};
use crate::upstream::{Hits, Upstream};

/// One arm that is running.
#[derive(Debug)]
pub(super) struct ArmRun {
    pub(super) shop: Shop,
    pub(super) service: Service,
    pub(super) upstreams: PerDependency<Upstream>,
    /// What became of the checkouts.
    pub(super) recorder: Arc<Recorder>,
    /// What became of the product pages.
    pub(super) pages: Arc<Recorder>,
}

/// One arm as of a moment.
#[derive(Debug, Clone)]
pub struct ArmSnapshot {
    /// With policies or without.
    pub arm: Arm,
    /// Where its service listens.
    pub url: String,
    /// The run so far.
    pub totals: Totals,
    /// The last seconds, the oldest first.
    pub seconds: Vec<Second>,
    /// The product pages so far.
    pub pages: Totals,
    /// What the service knows of its mails.
    pub mails: Mailbag,
    /// What the policies have saved, where there are any.
    pub saved: Option<Saved>,
    /// What is known of the dependencies.
    pub dependencies: PerDependency<Seen>,
}

/// What is known of one dependency.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// What has reached its stand-in.
    pub hits: Hits,
    /// Requests within the last second.
    pub rate: u64,
    /// The state of its breaker, where there is one.
    pub breaker: Option<State>,
}

impl ArmRun {
    pub(super) async fn start(
        arm: Arm,
        plan: &Plan,
        began: Instant,
        port: u16,
    ) -> Result<Self, StartError> {
        let upstreams = upstreams(plan, began).await?;
        let urls = PerDependency::from_fn(|dependency| upstreams[dependency].url());
        let shop = Shop::new(arm, Api::new(urls)?);
        let service = Service::start(shop.clone(), port).await;
        let service = service.map_err(|source| match port {
            0 => StartError::Loopback(source),
            port => StartError::Port { port, source },
        })?;
        Ok(Self {
            shop,
            service,
            upstreams,
            recorder: Arc::new(Recorder::new(plan.scenario.length)),
            pages: Arc::new(Recorder::new(plan.scenario.length)),
        })
    }

    pub(super) fn hits(&self) -> PerDependency<Hits> {
        PerDependency::from_fn(|dependency| self.upstreams[dependency].hits())
    }

    /// What became of its customers and their letters; `left` is what the queue still holds.
    pub(super) fn report(&self, left: &Left, well_again: Option<Duration>) -> ArmReport {
        let (kept, left) = match self.shop.arm() {
            Arm::Guarded => (Saved::now().kept, left),
            Arm::Bare => (Kept::default(), &Left::default()),
        };
        let taken = self.upstreams[Dependency::Email].accepted();
        ArmReport::new(
            &self.recorder,
            Pages::new(&self.pages.totals(), kept),
            Emails::count(&self.shop.letters().bag(), &taken, left),
            self.requests(),
            well_again,
        )
    }

    fn requests(&self) -> PerDependency<Requests> {
        let hits = self.hits();
        PerDependency::from_fn(|dependency| hits[dependency].into())
    }

    /// `rates` are the requests of the last second.
    pub(super) fn snapshot(&self, rates: &PerDependency<u64>) -> ArmSnapshot {
        let hits = self.hits();
        let arm = self.shop.arm();
        ArmSnapshot {
            arm,
            url: self.service.url(),
            totals: self.recorder.totals(),
            seconds: self.recorder.seconds(),
            pages: self.pages.totals(),
            mails: self.shop.letters().bag(),
            saved: (arm == Arm::Guarded).then(Saved::now),
            dependencies: PerDependency::from_fn(|dependency| Seen {
                hits: hits[dependency],
                rate: rates[dependency],
                breaker: (arm == Arm::Guarded).then(|| breaker(dependency)),
            }),
        }
    }
}

/// The state of a dependency's breaker.
pub(super) fn breaker(dependency: Dependency) -> State {
    steadfast::registry().breaker(dependency.name()).state()
}

async fn upstreams(plan: &Plan, began: Instant) -> Result<PerDependency<Upstream>, StartError> {
    let start = |dependency: Dependency| {
        let timeline = plan.scenario.timelines[dependency].clone();
        // Each dependency draws lots of its own, and the same ones in both arms.
        let seed = plan.seed.wrapping_mul(31).wrapping_add(dependency as u64);
        Upstream::start_at(timeline, seed, began, body(dependency))
    };
    let mut started = Vec::new();
    for dependency in Dependency::ALL {
        started.push(start(dependency).await?);
    }
    let mut started = started.into_iter();
    Ok(PerDependency::from_fn(|_| {
        started.next().expect("one was started for each")
    }))
}

/// What a healthy dependency answers.
const fn body(dependency: Dependency) -> &'static str {
    match dependency {
        Dependency::Payments => r#"{"id":"ch_1"}"#,
        Dependency::Storage | Dependency::Email => "{}",
        Dependency::Llm => r#"{"text":"A good choice. Enjoy it!"}"#,
        Dependency::Catalog => r#"{"name":"Green tea, 100 g","cents":790}"#,
    }
}
