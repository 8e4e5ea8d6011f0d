//! The demo: one scenario, played to two checkout services at once, one with policies and one
//! without, each with stand-ins, customers and ports of its own.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};

use crate::checkout::Arm;
use crate::load::{Doors, Load, Visits};
use crate::report::Report;
use crate::scenario::Scenario;

mod arm;
mod limits;
mod mail;
mod saved;
mod stage;
mod store;

pub use arm::{ArmSnapshot, Seen};
pub use mail::Emails;
pub use saved::{Kept, Queue, Saved};
pub use stage::{Snapshot, Stage, Transition};
pub use store::Store;

use arm::ArmRun;
use mail::{Left, Postman};

/// From the start of the servers to the first customer.
const LEAD: Duration = Duration::from_millis(100);
/// From the last customer to the end of the run: whoever still waits then has failed.
const GRACE: Duration = Duration::from_secs(3);
/// The same where someone ended the run before its time.
const SHORT_GRACE: Duration = Duration::from_secs(1);
/// From the end of the run until the last letter of the queue must be out.
pub const DRAIN: Duration = Duration::from_secs(5);

/// What to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The name of a shipped scenario, or the path of a file.
    pub name: String,
    /// What happens, and for how long.
    pub scenario: Scenario,
    /// Decides which request meets which fate; the same in both arms.
    pub seed: u64,
    /// The port of the guarded service; 0 takes any that is free.
    pub port: u16,
}

/// Why the demo could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port that was asked for cannot be had.
    #[error(
        "port {port} of 127.0.0.1 cannot be had: {source}; choose another with --port, or 0 for any that is free"
    )]
    Port {
        /// As asked for.
        port: u16,
        /// What the system says.
        source: io::Error,
    },
    /// A stand-in or a service cannot listen.
    #[error("no loopback port can be had: {0}")]
    Loopback(#[from] io::Error),
    /// The client cannot be made.
    #[error("no HTTP client can be made: {0}")]
    Client(#[from] reqwest::Error),
}

/// A demo that is running.
#[derive(Debug)]
pub struct Demo {
    plan: Plan,
    stage: Arc<Stage>,
    customers: JoinSet<()>,
    doors: watch::Sender<Doors>,
    postman: Option<Postman>,
}

impl Demo {
    /// Starts stand-ins and services, the worker of the queue where the setup has named a Redis, and
    /// lets the customers in.
    ///
    /// # Errors
    /// Where something cannot listen.
    pub async fn start(plan: Plan) -> Result<Self, StartError> {
        limits::raise_open_files();
        let began = Instant::now() + LEAD;
        let guarded = ArmRun::start(Arm::Guarded, &plan, began, plan.port).await?;
        let bare = ArmRun::start(Arm::Bare, &plan, began, 0).await?;
        let postman = Postman::start(guarded.shop.api().clone()).await;
        let (doors, watched) = watch::channel(Doors::Open);
        let mut customers = JoinSet::new();
        for arm in [&guarded, &bare] {
            let Scenario { rate, pages, .. } = plan.scenario;
            for (visits, rate, recorder) in [
                (Visits::Checkouts, rate, &arm.recorder),
                (Visits::Pages, pages, &arm.pages),
            ] {
                let load = Load {
                    url: arm.service.url(),
                    visits,
                    rate,
                    length: plan.scenario.length,
                    began,
                    seed: plan.seed,
                };
                customers.spawn(load.run(Arc::clone(recorder), watched.clone()));
            }
        }
        let stage = Arc::new(Stage::new(&plan, began, guarded, bare));
        Ok(Self {
            plan,
            stage,
            customers,
            doors,
            postman,
        })
    }

    /// What a view looks at while the demo runs.
    #[must_use]
    pub fn stage(&self) -> Arc<Stage> {
        Arc::clone(&self.stage)
    }

    /// Where the live page of the guarded service is.
    #[must_use]
    pub fn page(&self) -> String {
        let [guarded, _] = self.stage.arms();
        format!("{}/admin", guarded.service.url())
    }

    /// Runs until every customer has an outcome, or shortly after the last one came, and the queue is
    /// empty, or until `interrupted` is ready; then reports.
    pub async fn finish(mut self, interrupted: impl Future<Output = ()>) -> Report {
        let ticking = tokio::spawn(tick(Arc::clone(&self.stage)));
        let length = self.plan.scenario.length;
        let over = self.stage.began() + length + GRACE;
        tokio::pin!(interrupted);
        let asked = tokio::select! {
            () = self.customers_gone() => false,
            () = sleep_until(over) => false,
            () = &mut interrupted => true,
        };
        let elapsed = self.stage.elapsed();
        let cut = (asked && elapsed < length).then_some(elapsed);
        if cut.is_some() {
            self.doors.send_replace(Doors::Closing);
            // Those who are still inside then are told to leave, below.
            let _ = timeout(SHORT_GRACE, self.customers_gone()).await;
        }
        self.doors.send_replace(Doors::Shut);
        self.customers_gone().await;
        let queue = match self.postman.take() {
            Some(postman) if asked => Some((postman, Duration::ZERO)),
            Some(postman) => {
                self.stage.deliver();
                let took = drain(&postman, interrupted).await;
                Some((postman, took))
            }
            None => None,
        };
        let drained = queue.as_ref().map(|(_, took)| *took);
        let left = match queue {
            Some((postman, _)) => postman.stop().await,
            None => None,
        };
        ticking.abort();
        self.stage.close();
        self.report(cut, drained, &left.unwrap_or_else(Left::as_counted))
    }

    async fn customers_gone(&mut self) {
        while self.customers.join_next().await.is_some() {}
    }

    /// `cut` says when someone ended the run before its time, `drained` how long the queue took to empty.
    fn report(&self, cut: Option<Duration>, drained: Option<Duration>, left: &Left) -> Report {
        let scenario = &self.plan.scenario;
        let well_again = scenario.well_again();
        let [with_policies, without] = self.stage.arms().map(|arm| arm.report(left, well_again));
        Report {
            scenario: self.plan.name.clone(),
            title: scenario.title.clone(),
            length: cut.unwrap_or(scenario.length),
            well_again,
            rate: scenario.rate,
            page_rate: scenario.pages,
            drained,
            seed: self.plan.seed,
            interrupted: cut.is_some(),
            with_policies,
            without,
        }
    }
}

/// Waits until the queue is empty, for a while; gives how long that took.
async fn drain(postman: &Postman, interrupted: impl Future<Output = ()>) -> Duration {
    let began = Instant::now();
    tokio::select! {
        () = postman.delivered() => {}
        () = sleep(DRAIN) => {}
        () = interrupted => {}
    }
    began.elapsed()
}

/// Looks at the breakers often and closes a second once a second.
async fn tick(stage: Arc<Stage>) {
    const LOOKS: u32 = 20;
    let pause = Duration::from_secs(1) / LOOKS;
    let mut looks = interval_at(stage.began() + pause, pause);
    looks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for look in 1_u64.. {
        looks.tick().await;
        stage.look();
        if look.is_multiple_of(u64::from(LOOKS)) {
            stage.second();
        }
    }
}
