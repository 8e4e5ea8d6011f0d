//! One arm of the demo: four stand-ins, the service in front of them, and what became of its
//! customers.

use std::sync::Arc;

use steadfast::State;
use tokio::time::Instant;

use super::{Plan, StartError};
use crate::checkout::{Api, Arm, Service};
use crate::dependency::{Dependency, PerDependency};
use crate::load::{Recorder, Second, Totals};
use crate::report::Requests;
use crate::upstream::{Hits, Upstream};

/// One arm that is running.
#[derive(Debug)]
pub(super) struct ArmRun {
    pub(super) arm: Arm,
    pub(super) service: Service,
    pub(super) upstreams: PerDependency<Upstream>,
    pub(super) recorder: Arc<Recorder>,
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
        let service = Service::start(arm, Api::new(urls)?, port).await;
        let service = service.map_err(|source| match port {
            0 => StartError::Loopback(source),
            port => StartError::Port { port, source },
        })?;
        Ok(Self {
            arm,
            service,
            upstreams,
            recorder: Arc::new(Recorder::new(plan.scenario.length)),
        })
    }

    pub(super) fn hits(&self) -> PerDependency<Hits> {
        PerDependency::from_fn(|dependency| self.upstreams[dependency].hits())
    }

    pub(super) fn requests(&self) -> PerDependency<Requests> {
        let hits = self.hits();
        PerDependency::from_fn(|dependency| hits[dependency].into())
    }

    /// `rates` are the requests of the last second.
    pub(super) fn snapshot(&self, rates: &PerDependency<u64>) -> ArmSnapshot {
        let hits = self.hits();
        ArmSnapshot {
            arm: self.arm,
            url: self.service.url(),
            totals: self.recorder.totals(),
            seconds: self.recorder.seconds(),
            dependencies: PerDependency::from_fn(|dependency| Seen {
                hits: hits[dependency],
                rate: rates[dependency],
                breaker: (self.arm == Arm::Guarded).then(|| breaker(dependency)),
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
    let [payments, storage, email, llm] = Dependency::ALL.map(start);
    let (payments, storage, email, llm) = tokio::try_join!(payments, storage, email, llm)?;
    let mut started = [payments, storage, email, llm].into_iter();
    Ok(PerDependency::from_fn(|_| {
        started.next().expect("four were started")
    }))
}

/// What a healthy dependency answers.
const fn body(dependency: Dependency) -> &'static str {
    match dependency {
        Dependency::Payments => r#"{"id":"ch_1"}"#,
        Dependency::Storage | Dependency::Email => "{}",
        Dependency::Llm => r#"{"text":"Thank you, and enjoy your order!"}"#,
    }
}
