//! What goes wrong, one thing after the other.

use std::rc::Rc;

use tokio::time::sleep;

use super::super::link::LinkError;
use super::instance::Instance;
use super::run::Plan;
use super::world::{Weather, World};

/// Which kinds of faults a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Faults {
    /// All.
    Everything,
    /// Messages are lost, late and repeated, and connections break.
    OfNetwork,
}

const HOUR: i64 = 3_600_000_000;

/// Makes things go wrong until it is stopped.
pub(super) async fn strike(world: Rc<World>, plan: Plan) {
    loop {
        sleep(world.millis(10, 300)).await;
        let kinds = match plan.faults {
            Faults::Everything => 14,
            Faults::OfNetwork => 5,
        };
        let kind = world.below(kinds);
        match kind {
            0 | 4 => set_weather(&world),
            1 | 2 => cut_one(&world).await,
            3 => break_all(&world),
            5 => crash_one(&world, &plan),
            6 => stop_store(&world, &plan).await,
            7 | 8 if !plan.clock_goes_back() => lose_data(&world),
            9 => jump(&world, &plan),
            10 => refuse(&world).await,
            11 => steer(&world),
            _ => {
                world.sick.set([0, 300, 1000][world.below(3) as usize]);
                world.note(|| format!("{} of 1000 calls fail", world.sick.get()));
            }
        }
    }
}

fn set_weather(world: &World) {
    let bad = |most: u32| {
        if world.below(2) == 0 {
            0
        } else {
            world.below(most)
        }
    };
    world.weather.set(Weather {
        lost: bad(300),
        twice: bad(300),
        slow: bad(400),
    });
    world.note(|| format!("{:?}", world.weather.get()));
}

fn one(world: &World) -> Option<Rc<Instance>> {
    let instances = world.instances.borrow();
    let place = world.below(instances.len() as u32) as usize;
    instances.get(place).cloned()
}

async fn cut_one(world: &World) {
    if let Some(instance) = one(world) {
        world.note(|| format!("{}: cut off", instance.number));
        instance.wire.set_cut(true);
        if world.below(2) == 0 {
            instance.wire.break_off(LinkError::Broken("cut".into()));
        }
        sleep(world.millis(50, 700)).await;
        instance.wire.set_cut(false);
        world.note(|| format!("{}: no longer cut off", instance.number));
    }
}

fn break_all(world: &World) {
    for instance in world.instances.borrow().iter() {
        instance.wire.break_off(LinkError::Broken("reset".into()));
    }
}

fn crash_one(world: &Rc<World>, plan: &Plan) {
    let place = world.below(world.instances.borrow().len() as u32) as usize;
    let gone = world.instances.borrow()[place].clone();
    gone.crash();
    world.judge.borrow_mut().crashed(gone.number);
    let number = plan.next_number();
    world.instances.borrow_mut()[place] = Instance::start(number, world, &plan.thresholds);
}

async fn stop_store(world: &World, plan: &Plan) {
    world.note(|| "the store stops".into());
    world.store_is_up.set(false);
    if world.below(2) == 0 {
        break_all(world); // else it hangs
    }
    sleep(world.millis(20, 700)).await;
    if !plan.clock_goes_back() && world.below(2) == 0 {
        lose_data(world);
    }
    world.store_is_up.set(true);
    world.note(|| "the store is back".into());
}

fn lose_data(world: &World) {
    world.note(|| "the store loses its data".into());
    let _ = world.store().command(&["FLUSHALL"]);
    world.judge.borrow_mut().forgets();
}

/// Keys may expire thereby.
fn jump(world: &World, plan: &Plan) {
    let by = i64::from(world.below(2_000)) * 1_000_000 + HOUR / 2;
    let by = if plan.clock_goes_back() { -by } else { by };
    let before = world.store_time();
    world.clock_is_off.set(world.clock_is_off.get() + by);
    world.note(|| format!("the store's clock jumps by {} s", by / 1_000_000));
    let mut judge = world.judge.borrow_mut();
    judge.clock_jumped(before, world.store_time());
    judge.forgets();
}

async fn refuse(world: &World) {
    world.note(|| "the store takes no writes".into());
    world.store().refuse_writes(Some(
        "READONLY You can't write against a read only replica.",
    ));
    world.refuses_writes.set(true);
    sleep(world.millis(20, 500)).await;
    world.store().refuse_writes(None);
    world.refuses_writes.set(false);
}

fn steer(world: &World) {
    let Some(instance) = one(world) else { return };
    let action = world.below(6);
    world.note(|| format!("{}: by hand, {action}", instance.number));
    match action {
        0 => instance.breaker.force_open(),
        1 => instance.breaker.disable(),
        2 => instance.breaker.release(),
        _ => instance.breaker.reset(),
    }
}
