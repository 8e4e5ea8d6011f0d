//! One process of the fleet: the real breaker and the real carrier, with calls that somebody makes.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_local};
use tokio::time::sleep;

use super::super::breaker::Carrier;
use super::super::{Known, jittered};
use super::wire::SimWire;
use super::world::World;
use crate::breaker::{Breaker, Pass, Seen, Thresholds};

pub(super) struct Instance {
    pub(super) number: u32,
    pub(super) breaker: Breaker,
    pub(super) wire: SimWire,
    carrier: Carrier<SimWire>,
    known: Arc<Known>,
    world: Rc<World>,
    tasks: RefCell<Vec<JoinHandle<()>>>,
    alive: Cell<bool>,
}

impl Instance {
    pub(super) fn start(number: u32, world: &Rc<World>, thresholds: &Thresholds) -> Rc<Self> {
        let name = steadfast_options::Name::new("x").expect("a name");
        let breaker = Breaker::new(name, thresholds, 1);
        breaker.finds_fleet();
        let known = Arc::new(Known::alone("sim", format!("{number:016x}")));
        let wire = SimWire::new(number, world);
        let instance = Rc::new(Self {
            number,
            carrier: Carrier::new(&breaker, &known, wire.clone()),
            breaker,
            wire,
            known,
            world: world.clone(),
            tasks: RefCell::default(),
            alive: Cell::new(true),
        });
        world.note(|| format!("{number}: starts"));
        let carries = instance.clone();
        let polls = instance.clone();
        let calls = instance.clone();
        instance.tasks.replace(vec![
            spawn_local(async move {
                carries.carrier.attach();
                carries.carrier.carry().await;
            }),
            spawn_local(async move { polls.poll().await }),
            spawn_local(async move { calls.call_again_and_again().await }),
        ]);
        instance
    }

    /// It is gone, with all it knew. What it sent goes on.
    pub(super) fn crash(&self) {
        self.world.note(|| format!("{}: crashes", self.number));
        self.alive.set(false);
        self.wire.end();
        self.tasks.take().iter().for_each(JoinHandle::abort);
    }

    pub(super) fn is_alive(&self) -> bool {
        self.alive.get()
    }

    pub(super) fn announced(&self, seen: Seen) {
        self.world
            .note(|| format!("{}: hears {:?} {}", self.number, seen.state, seen.epoch));
        self.carrier.announced(seen);
        self.look();
    }

    async fn poll(&self) {
        loop {
            sleep(jittered(self.known.poll_every())).await;
            if self.wire.is_up() {
                self.carrier.read().await;
                self.look();
            }
        }
    }

    async fn call_again_and_again(self: Rc<Self>) {
        loop {
            sleep(self.world.millis(10, 250)).await;
            self.look();
            let Ok(pass) = self.breaker.pass_or_ask() else {
                continue;
            };
            let calling = self.clone();
            let task = spawn_local(async move { calling.call(pass).await });
            self.tasks.borrow_mut().push(task);
        }
    }

    /// What the instance knows may only get later.
    fn look(&self) {
        if let Some((epoch, _)) = self.breaker.fleet_epoch() {
            self.world.judge.borrow_mut().knows(self.number, epoch);
        }
    }

    async fn call(&self, pass: Pass) {
        let world = &self.world;
        let (epoch, led) = self.breaker.fleet_epoch().unwrap_or_default();
        let probe = pass.is_probe();
        let leased = (probe && led).then(|| {
            let mut judge = world.judge.borrow_mut();
            judge.probe_begins(self.number, epoch)
        });
        let fails = world.chance(world.sick.get());
        let time = match world.below(20) {
            0 => world.millis(50, 3_000),
            _ => world.millis(0, 30),
        };
        sleep(time).await;
        world.note(|| {
            let what = if probe { "probe" } else { "call" };
            let how = if fails { "fails" } else { "succeeds" };
            format!("{}: {what} of {epoch} {how}", self.number)
        });
        if let Some(number) = leased {
            world.judge.borrow_mut().probe_ends(number);
        }
        if fails && !probe {
            world.judge.borrow_mut().fails(epoch);
        }
        match (world.below(30), fails) {
            (0, _) if probe => self.breaker.cancelled(pass),
            (_, true) => self.breaker.failed(pass, 0, None),
            (_, false) => self.breaker.succeeded(pass, 0),
        }
    }
}

/// Longer than a lease is kept before a call takes it.
pub(super) const UNUSED: Duration = Duration::from_millis(1_200);
