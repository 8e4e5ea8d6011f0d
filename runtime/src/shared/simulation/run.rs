//! One run: chaos, peace, and a dependency that fails.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use steadfast_options::{Counting, Scope};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use super::faults::{Faults, strike};
use super::instance::Instance;
use super::judge::Judge;
use super::world::{Stage, Weather, World};
use crate::breaker::{State, Thresholds, WindowSize, nanos};

/// What a run does, as far as its seed says so beforehand.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    seed: u64,
    pub(super) faults: Faults,
    pub(super) thresholds: Thresholds,
    instances: u32,
    chaos: Duration,
    next: Rc<Cell<u32>>,
}

pub(super) struct Done {
    pub(super) verdict: Result<(), String>,
    pub(super) scripts: u64,
    pub(super) trace: Vec<String>,
}

fn seconds(seconds: f64) -> u64 {
    nanos(Duration::from_secs_f64(seconds))
}

impl Plan {
    pub(super) fn of_chaos(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(!seed);
        let half_open = random.usize(1..4);
        Self {
            seed,
            faults: Faults::Everything,
            thresholds: Thresholds {
                failures: Some(random.u32(2..6)),
                counting: Counting::Window,
                failure_rate: None,
                slow: None,
                min_calls: 5,
                window: WindowSize::Time(seconds(10.0)),
                recovery: seconds(0.3),
                recovery_factor: if random.bool() { 1.0 } else { 1.5 },
                recovery_max: seconds(0.9),
                half_open,
                close_after: random.u32(1..4),
                probe_timeout: seconds(2.0),
                quorum: random.u32(1..3),
                scope: Scope::Shared,
            },
            instances: random.u32(2..5),
            chaos: Duration::from_secs(3),
            next: Rc::default(),
        }
    }

    /// A breaker that never opens, so that what it counts can be compared with what happened.
    pub(super) fn of_counting(seed: u64) -> Self {
        let plan = Self::of_chaos(seed);
        Self {
            faults: Faults::OfNetwork,
            thresholds: Thresholds {
                failures: Some(1_000_000),
                window: WindowSize::Time(seconds(10_000.0)),
                ..plan.thresholds.clone()
            },
            chaos: Duration::from_secs(6),
            ..plan
        }
    }

    /// Of breakers whose cost is counted.
    pub(super) fn of_scale() -> Thresholds {
        Thresholds {
            failures: Some(20),
            recovery: seconds(2.0),
            recovery_factor: 1.0,
            half_open: 2,
            quorum: 1,
            ..Self::of_chaos(0).thresholds
        }
    }

    /// Whether the store's clock goes back, or the store loses its data: where both happen, an epoch may
    /// come again, which `docs/shared-state.md` says.
    pub(super) fn clock_goes_back(&self) -> bool {
        self.seed.is_multiple_of(4)
    }

    pub(super) fn next_number(&self) -> u32 {
        self.next.set(self.next.get() + 1);
        self.next.get()
    }
}

/// Runs a plan from its beginning to its end.
pub(super) fn run(stage: &Stage, plan: &Plan, traces: bool) -> Done {
    plan.next.set(0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let local = LocalSet::new();
    local.block_on(&runtime, async {
        let world = World::new(stage, plan.seed, Judge::new(&plan.thresholds), traces);
        world.note(|| format!("{:?}", plan.thresholds));
        let before = world.store().scripts_run();
        for _ in 0..plan.instances {
            let instance = Instance::start(plan.next_number(), &world, &plan.thresholds);
            world.instances.borrow_mut().push(instance);
        }
        let verdict = live(&world, plan).await;
        for instance in world.instances.take() {
            instance.crash();
        }
        let scripts = world.store().scripts_run() - before;
        Done {
            verdict,
            scripts,
            trace: world.take_trace(),
        }
    })
}

async fn live(world: &Rc<World>, plan: &Plan) -> Result<(), String> {
    if plan.faults == Faults::OfNetwork {
        world.sick.set(400);
    }
    let striking = spawn_local(strike(world.clone(), plan.clone()));
    sleep(plan.chaos).await;
    striking.abort();
    let _ = striking.await;
    be_at_peace(world);
    let verdict = match plan.faults {
        Faults::OfNetwork => counts_agree(world).await,
        Faults::Everything => all_close_and_open(world).await,
    };
    world.judge.borrow_mut().verdict().and(verdict)
}

fn be_at_peace(world: &World) {
    world.note(|| "peace".into());
    world.weather.set(Weather::default());
    world.store().refuse_writes(None);
    world.refuses_writes.set(false);
    world.store_is_up.set(true);
    world.sick.set(0);
    for instance in world.instances.borrow().iter() {
        instance.wire.set_cut(false);
    }
}

/// Waits until something is so, for so long at most.
async fn comes_true(world: &World, most: Duration, so: impl Fn() -> bool) -> bool {
    let step = Duration::from_millis(100);
    for _ in 0..most.as_millis() / step.as_millis() {
        if so() || world.judge.borrow().is_over() {
            return true;
        }
        sleep(step).await;
    }
    so()
}

fn all_are(world: &World, state: State) -> bool {
    let instances = world.instances.borrow();
    let known = |instance: &Rc<Instance>| instance.breaker.fleet_epoch();
    let one = instances.first().and_then(known);
    let alike = instances.iter().all(|instance| known(instance) == one);
    let led = one.is_some_and(|(_, led)| led);
    alike
        && led
        && instances
            .iter()
            .all(|instance| instance.breaker.state() == state)
}

fn shown(world: &World) -> String {
    let instances = world.instances.borrow();
    let each = instances.iter().map(|instance| {
        let (epoch, led) = instance.breaker.fleet_epoch().unwrap_or_default();
        let led = if led { "led" } else { "apart" };
        format!(
            "{}: {:?} {epoch} {led}",
            instance.number,
            instance.breaker.state()
        )
    });
    each.collect::<Vec<_>>().join(", ")
}

async fn all_close_and_open(world: &World) -> Result<(), String> {
    // What somebody did by hand at an instance that was cut off, and what is still on its way.
    sleep(Duration::from_secs(1)).await;
    if let Some(instance) = world.instances.borrow().first() {
        instance.breaker.release();
    }
    // The longest open time, leases that nobody tells of, and probes, some of which are cancelled.
    if !comes_true(world, Duration::from_secs(20), || {
        all_are(world, State::Closed)
    })
    .await
    {
        return Err(format!(
            "at peace, not all came to be closed: {}",
            shown(world)
        ));
    }
    world.note(|| "all calls fail".into());
    world.sick.set(1000);
    let opens = || all_are(world, State::Open) || all_are(world, State::HalfOpen);
    if !comes_true(world, Duration::from_secs(4), opens).await {
        return Err(format!(
            "all calls failed, and not all opened: {}",
            shown(world)
        ));
    }
    Ok(())
}

/// Every failure of a call that ended is counted, and once.
async fn counts_agree(world: &World) -> Result<(), String> {
    sleep(Duration::from_secs(5)).await;
    let (happened, counted) = world.judge.borrow().failures_of(0);
    if happened == counted && happened > 0 {
        Ok(())
    } else {
        Err(format!(
            "{happened} failures happened, {counted} were counted"
        ))
    }
}
