//! What all instances of a run meet: the store, the network, the dependency that they call.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use redis::Value;
use steadfast_protocol_tests::{Reply, SimScript, SimStore};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep};

use super::super::breaker::{parse_announcement, parse_reply};
use super::super::encode::{number, text};
use super::super::link::LinkError;
use super::super::scripts::{self, Script};
use super::instance::Instance;
use super::judge::Judge;

/// What costs time to make, and is used by one run after the other.
#[derive(Clone)]
pub(super) struct Stage {
    pub(super) store: Rc<SimStore>,
    scripts: Rc<HashMap<*const Script, SimScript>>,
}

impl Stage {
    pub(super) fn new() -> Self {
        let store = SimStore::new();
        let breakers = [
            &*scripts::RECORD,
            &*scripts::ACQUIRE,
            &*scripts::PROBED,
            &*scripts::RESTORE,
            &*scripts::STEER,
            &*scripts::READ,
        ];
        let compiled = breakers.map(|script| {
            let compiled = store.script(script.text());
            (
                std::ptr::from_ref(script),
                compiled.unwrap_or_else(|error| panic!("{error}")),
            )
        });
        Self {
            store: Rc::new(store),
            scripts: Rc::new(HashMap::from(compiled)),
        }
    }

    /// The store runs a script.
    pub(super) fn run(&self, script: *const Script, keys: &[String], args: &[Vec<u8>]) -> Reply {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let args: Vec<_> = args
            .iter()
            .map(|arg| String::from_utf8_lossy(arg))
            .collect();
        let args: Vec<&str> = args.iter().map(AsRef::as_ref).collect();
        self.store.run(&self.scripts[&script], &keys, &args)
    }
}

/// How the network is, in parts of a thousand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Weather {
    pub(super) lost: u32,
    pub(super) twice: u32,
    pub(super) slow: u32,
}

/// 2027-01-15, in microseconds.
const BEGIN: u64 = 1_800_000_000_000_000;

pub(super) struct World {
    stage: Stage,
    pub(super) random: RefCell<fastrand::Rng>,
    began: Instant,
    /// How far the store's clock is off, in microseconds.
    pub(super) clock_is_off: Cell<i64>,
    pub(super) weather: Cell<Weather>,
    pub(super) store_is_up: Cell<bool>,
    pub(super) refuses_writes: Cell<bool>,
    /// What share of calls fails, in parts of a thousand.
    pub(super) sick: Cell<u32>,
    pub(super) instances: RefCell<Vec<Rc<Instance>>>,
    pub(super) judge: RefCell<Judge>,
    trace: RefCell<Option<Vec<String>>>,
}

impl World {
    pub(super) fn new(stage: &Stage, seed: u64, judge: Judge, traces: bool) -> Rc<Self> {
        stage.store.reset();
        fastrand::seed(seed);
        Rc::new(Self {
            stage: stage.clone(),
            random: RefCell::new(fastrand::Rng::with_seed(seed)),
            began: Instant::now(),
            clock_is_off: Cell::new(0),
            weather: Cell::default(),
            store_is_up: Cell::new(true),
            refuses_writes: Cell::new(false),
            sick: Cell::new(0),
            instances: RefCell::default(),
            judge: RefCell::new(judge),
            trace: RefCell::new(traces.then(Vec::new)),
        })
    }

    pub(super) fn note(&self, what: impl FnOnce() -> String) {
        if let Some(trace) = &mut *self.trace.borrow_mut() {
            let now = self.began.elapsed().as_millis();
            trace.push(format!("{now:>6} ms  {}", what()));
        }
    }

    pub(super) fn take_trace(&self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }

    pub(super) fn below(&self, bound: u32) -> u32 {
        self.random.borrow_mut().u32(0..bound.max(1))
    }

    /// Whether something happens that does so in so many cases of a thousand.
    pub(super) fn chance(&self, parts: u32) -> bool {
        parts > 0 && self.below(1000) < parts
    }

    pub(super) fn millis(&self, from: u32, to: u32) -> Duration {
        Duration::from_millis((from + self.below(to - from + 1)).into())
    }

    /// How long a message is on its way; none where it is lost.
    pub(super) fn travels(&self) -> Option<Duration> {
        let weather = self.weather.get();
        if self.chance(weather.lost) {
            return None;
        }
        let slow = self.chance(weather.slow);
        Some(if slow {
            self.millis(20, 400)
        } else {
            self.millis(0, 3)
        })
    }

    /// The time by the store's clock.
    pub(super) fn store_time(&self) -> u64 {
        let since = self.began.elapsed().as_micros() as u64;
        (BEGIN + since).saturating_add_signed(self.clock_is_off.get())
    }

    /// The store runs a script, and announces what came of it.
    pub(super) fn serve(
        self: &Rc<Self>,
        from: u32,
        script: *const Script,
        keys: &[String],
        args: &[Vec<u8>],
    ) -> Result<Value, LinkError> {
        self.store().set_time(self.store_time());
        let reply = self.stage.run(script, keys, args);
        let value = match reply {
            Reply::Error(text) => {
                let (code, message) = text.split_once(' ').unwrap_or((&text, ""));
                let (code, message) = (code.to_owned(), message.to_owned());
                self.note(|| format!("{from}: refused, {code} {message}"));
                return Err(LinkError::Unfit { code, message });
            }
            reply => value(reply),
        };
        let Some((seen, extra)) = parse_reply(&value) else {
            let why = format!("no reply: {value:?}");
            self.judge.borrow_mut().wrong(why);
            return Ok(value);
        };
        let (script, extra) = (name_of(script), shown(extra));
        let own: Vec<_> = args[HEAD..]
            .iter()
            .map(|arg| String::from_utf8_lossy(arg))
            .collect();
        self.note(|| {
            let (state, epoch) = (seen.state, seen.epoch);
            format!("{from}: {script} {own:?} → {state:?} {epoch} {extra:?}")
        });
        let mut judge = self.judge.borrow_mut();
        judge.heard(script, &own, &seen, &extra, self.store_time());
        drop(judge);
        self.announce();
        Ok(value)
    }

    pub(super) fn store(&self) -> &SimStore {
        &self.stage.store
    }

    fn announce(self: &Rc<Self>) {
        for published in self.store().published() {
            for instance in self.instances.borrow().iter() {
                let Some(time) = self.travels().filter(|_| instance.wire.is_up()) else {
                    continue;
                };
                let (world, instance) = (self.clone(), instance.clone());
                let message = published.message.clone();
                let connection = instance.wire.connection();
                spawn_local(async move {
                    sleep(time).await;
                    let Some((_, seen)) = parse_announcement(message.as_bytes()) else {
                        return world
                            .judge
                            .borrow_mut()
                            .wrong(format!("garbled: {message}"));
                    };
                    if instance.wire.connection() == connection && instance.is_alive() {
                        instance.announced(seen);
                    }
                });
            }
        }
    }
}

/// Arguments that all scripts have.
const HEAD: usize = 15;

fn shown(extra: &Value) -> String {
    let number = || number(extra).map(|number| number.to_string());
    text(extra).map_or_else(|| number().unwrap_or_default(), str::to_owned)
}

pub(super) fn name_of(script: *const Script) -> &'static str {
    let names: [(&Script, &str); 6] = [
        (&scripts::RECORD, "record"),
        (&scripts::ACQUIRE, "acquire"),
        (&scripts::PROBED, "probed"),
        (&scripts::RESTORE, "restore"),
        (&scripts::STEER, "steer"),
        (&scripts::READ, "read"),
    ];
    let found = names
        .into_iter()
        .find(|(known, _)| std::ptr::eq(*known, script));
    found.map_or("?", |(_, name)| name)
}

pub(super) fn value(reply: Reply) -> Value {
    match reply {
        Reply::Nil | Reply::Error(_) => Value::Nil,
        Reply::Int(number) => Value::Int(number),
        Reply::Text(text) => Value::BulkString(text.into_bytes()),
        Reply::Array(items) => Value::Array(items.into_iter().map(value).collect()),
    }
}
