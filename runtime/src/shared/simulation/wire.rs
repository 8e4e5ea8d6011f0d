//! A link that keeps to the real one's rules: 100 ms for an answer, given up after two that came too
//! late, made anew in the background.

use std::cell::Cell;
use std::rc::Rc;

use redis::Value;
use tokio::sync::{oneshot, watch};
use tokio::task::spawn_local;
use tokio::time::{sleep, timeout};

use super::super::breaker::Wire;
use super::super::link::{DEADLINE, LinkError, LinkState};
use super::super::scripts::Script;
use super::world::World;

#[derive(Clone)]
pub(super) struct SimWire(Rc<Inner>);

struct Inner {
    number: u32,
    world: Rc<World>,
    state: watch::Sender<LinkState>,
    connection: Cell<u64>,
    late: Cell<u32>,
    /// Nothing gets through to this instance, or from it.
    cut: Cell<bool>,
    ended: Cell<bool>,
}

impl SimWire {
    pub(super) fn new(number: u32, world: &Rc<World>) -> Self {
        let wire = Self(Rc::new(Inner {
            number,
            world: world.clone(),
            state: watch::Sender::new(LinkState::Starting),
            connection: Cell::new(0),
            late: Cell::new(0),
            cut: Cell::new(false),
            ended: Cell::new(false),
        }));
        wire.connect();
        wire
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(*self.0.state.borrow(), LinkState::Up(_))
    }

    /// The number of the connection there is, or was last.
    pub(super) fn connection(&self) -> u64 {
        self.0.connection.get()
    }

    pub(super) fn set_cut(&self, cut: bool) {
        self.0.cut.set(cut);
    }

    pub(super) fn end(&self) {
        self.0.ended.set(true);
    }

    /// The connection breaks, as when the server ends.
    pub(super) fn break_off(&self, why: LinkError) {
        if self.is_up() {
            self.0
                .world
                .note(|| format!("{}: link down, {why}", self.0.number));
            self.0.state.send_replace(LinkState::Down(why));
            self.0.late.set(0);
            self.connect();
        }
    }

    fn is_reachable(&self) -> bool {
        self.0.world.store_is_up.get() && !self.0.cut.get()
    }

    /// Tries until the store is there and takes writes.
    fn connect(&self) {
        let wire = self.clone();
        spawn_local(async move {
            let world = &wire.0.world;
            while !wire.0.ended.get() {
                sleep(world.millis(5, 60)).await;
                if wire.is_reachable() && !world.refuses_writes.get() {
                    let number = wire.0.connection.get() + 1;
                    wire.0.connection.set(number);
                    world.note(|| format!("{}: link up", wire.0.number));
                    wire.0.state.send_replace(LinkState::Up(number));
                    return;
                }
            }
        });
    }

    /// Sends a request on its way, where it goes on by itself, and its answer on the way back.
    fn carry(
        &self,
        script: *const Script,
        keys: &[String],
        args: &[Vec<u8>],
    ) -> oneshot::Receiver<Answer> {
        let world = &self.0.world;
        let (answer, answered) = oneshot::channel();
        let mut answer = Some(answer);
        let copies = if world.chance(world.weather.get().twice) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let Some(time) = world.travels() else {
                continue;
            };
            let (wire, answer) = (self.clone(), answer.take());
            let (keys, args) = (keys.to_vec(), args.to_vec());
            spawn_local(async move { wire.arrive(script, &keys, &args, time, answer).await });
        }
        answered
    }

    async fn arrive(
        &self,
        script: *const Script,
        keys: &[String],
        args: &[Vec<u8>],
        time: std::time::Duration,
        answer: Option<oneshot::Sender<Answer>>,
    ) {
        sleep(time).await;
        if !self.is_reachable() {
            return;
        }
        let world = &self.0.world;
        let answered = world.serve(self.0.number, script, keys, args);
        let connection = self.connection();
        let (Some(answer), Some(time)) = (answer, world.travels()) else {
            return;
        };
        sleep(time).await;
        if self.is_reachable() && self.connection() == connection {
            let _ = answer.send(answered); // else nobody waits any more
        }
    }
}

type Answer = Result<Value, LinkError>;

impl Wire for SimWire {
    fn is_cluster(&self) -> bool {
        false
    }

    fn state(&self) -> watch::Receiver<LinkState> {
        self.0.state.subscribe()
    }

    async fn subscribe(&self, _: String) -> Result<(), LinkError> {
        Ok(())
    }

    async fn script(&self, script: &Script, keys: &[String], args: &[Vec<u8>]) -> Answer {
        if !self.is_up() {
            return Err(LinkError::Down);
        }
        let mut answered = self.carry(script, keys, args);
        let waited = timeout(DEADLINE, async {
            match (&mut answered).await {
                Ok(answer) => answer,
                Err(_) => std::future::pending().await, // lost on its way
            }
        });
        match waited.await {
            Ok(answer) => {
                self.0.late.set(0);
                if let Err(why @ LinkError::Unfit { .. }) = &answer {
                    self.break_off(why.clone());
                }
                answer
            }
            Err(_) => {
                self.0.late.set(self.0.late.get() + 1);
                if self.0.late.get() >= 2 {
                    self.break_off(LinkError::Timeout);
                }
                Err(LinkError::Timeout)
            }
        }
    }
}
