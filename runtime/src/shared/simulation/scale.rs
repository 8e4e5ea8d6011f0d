//! What the protocol costs the store, by the size of the fleet, against what the operators' page says.
//!
//! Real breakers and carriers, many of them, on a network that is only slow. Pings and heartbeats are
//! the link's, go by the clock alone, and are not here.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use redis::Value;
use steadfast_options::Name;
use steadfast_protocol_tests::SimStore;
use tokio::sync::watch;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep};

use super::super::breaker::{Carrier, Wire, parse_announcement};
use super::super::link::{LinkError, LinkState};
use super::super::scripts::Script;
use super::super::{Known, jittered, poll_period};
use super::run::Plan;
use super::world::{Stage, name_of, value};
use crate::breaker::{Breaker, Thresholds};

/// One way.
const TRAVELS: Duration = Duration::from_millis(1);
const PROBE: Duration = Duration::from_millis(50);
const BREAKERS: usize = 20;

struct Hub {
    stage: Stage,
    began: Instant,
    up: watch::Sender<LinkState>,
    ran: RefCell<HashMap<&'static str, u64>>,
    carriers: RefCell<HashMap<Name, Vec<Rc<Carrier<HubWire>>>>>,
    failing: Cell<bool>,
}

#[derive(Clone)]
struct HubWire(Rc<Hub>);

impl Hub {
    fn store(&self) -> &SimStore {
        &self.stage.store
    }

    fn announce(&self) {
        for published in self.store().published() {
            if let Some((name, seen)) = parse_announcement(published.message.as_bytes()) {
                let carriers = self.carriers.borrow();
                let all = carriers.iter().find(|(known, _)| ***known == *name);
                let all = all.into_iter().flat_map(|(_, carriers)| carriers);
                all.for_each(|carrier| carrier.announced(seen));
            }
        }
    }

    /// Scripts since this was last asked, by name.
    fn ran(&self, script: &str) -> u64 {
        self.ran.borrow_mut().remove(script).unwrap_or(0)
    }
}

impl Wire for HubWire {
    fn is_cluster(&self) -> bool {
        false
    }

    fn state(&self) -> watch::Receiver<LinkState> {
        self.0.up.subscribe()
    }

    async fn subscribe(&self, _: String) -> Result<(), LinkError> {
        Ok(())
    }

    async fn script(
        &self,
        script: &Script,
        keys: &[String],
        args: &[Vec<u8>],
    ) -> Result<Value, LinkError> {
        sleep(TRAVELS).await;
        let hub = &self.0;
        let now = 1_800_000_000_000_000 + hub.began.elapsed().as_micros() as u64;
        hub.store().set_time(now);
        *hub.ran.borrow_mut().entry(name_of(script)).or_default() += 1;
        let reply = hub.stage.run(script, keys, args);
        hub.announce();
        sleep(TRAVELS).await;
        Ok(value(reply))
    }
}

/// How often each breaker of each instance is called: 20,000 calls a second are enough.
fn calls_every(instances: u32) -> Duration {
    let calls = f64::from(instances) * BREAKERS as f64;
    Duration::from_secs_f64((calls / 20_000.0).max(1.0))
}

/// One instance with all its breakers.
fn start(hub: &Rc<Hub>, number: u32, instances: u32, names: &[Name], thresholds: &Thresholds) {
    let known = Arc::new(Known::alone("sim", format!("{number:016x}")));
    known.meets(instances);
    let mut mine = Vec::new();
    for name in names {
        let breaker = Breaker::new(*name, thresholds, 1);
        breaker.finds_fleet();
        let carrier = Rc::new(Carrier::new(&breaker, &known, HubWire(hub.clone())));
        let mut carriers = hub.carriers.borrow_mut();
        carriers.entry(*name).or_default().push(carrier.clone());
        mine.push(carrier.clone());
        let own = carrier.clone();
        spawn_local(async move {
            own.attach();
            own.carry().await;
        });
        spawn_local(call(hub.clone(), breaker, calls_every(instances)));
    }
    spawn_local(async move {
        loop {
            sleep(jittered(poll_period(mine.len(), instances))).await;
            for carrier in &mine {
                let carrier = carrier.clone();
                spawn_local(async move { carrier.read().await });
            }
        }
    });
}

async fn call(hub: Rc<Hub>, breaker: Breaker, every: Duration) {
    sleep(every.mul_f64(fastrand::f64())).await;
    loop {
        if hub.failing.get()
            && let Ok(pass) = breaker.pass_or_ask()
        {
            let breaker = breaker.clone();
            spawn_local(async move {
                sleep(PROBE).await;
                breaker.failed(pass, 0, None);
            });
        }
        sleep(every).await;
    }
}

/// What the operators' page says, and what was counted.
#[derive(Debug)]
struct Cost {
    reads_a_second: f64,
    /// Of one breaker, as what follows: while all calls fail.
    records: f64,
    asks: f64,
    probes: f64,
}

const OUTAGE: Duration = Duration::from_secs(7);

/// At rest for a few polls, then an outage of everything that is called.
fn cost_of(instances: u32) -> Cost {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        fastrand::seed(instances.into());
        let hub = Rc::new(Hub {
            stage: Stage::new(),
            began: Instant::now(),
            up: watch::Sender::new(LinkState::Up(1)),
            ran: RefCell::default(),
            carriers: RefCell::default(),
            failing: Cell::new(false),
        });
        let names: Vec<_> = (0..BREAKERS)
            .map(|number| Name::new(&format!("b{number}")).expect("a name"))
            .collect();
        let thresholds = Plan::of_scale();
        for number in 0..instances {
            start(&hub, number, instances, &names, &thresholds);
        }
        let period = poll_period(BREAKERS, instances);
        sleep(period).await;
        hub.ran("read");
        let rest = period.mul_f64(if instances < 10_000 { 3.0 } else { 1.0 });
        sleep(rest).await;
        let reads_a_second = hub.ran("read") as f64 / rest.as_secs_f64();
        assert_eq!(hub.ran.borrow().len(), 0, "at rest nothing but reads");

        hub.failing.set(true);
        sleep(OUTAGE).await;
        let of_one = |script| hub.ran(script) as f64 / BREAKERS as f64;
        Cost {
            reads_a_second,
            records: of_one("record"),
            asks: of_one("acquire"),
            probes: of_one("probed"),
        }
    })
}

fn costs_what_the_docs_say(instances: u32) {
    let n = f64::from(instances);
    let cost = cost_of(instances);
    println!("{instances} instances, {BREAKERS} breakers: {cost:.1?}");
    let period = poll_period(BREAKERS, instances).as_secs_f64();
    let reads = n * BREAKERS as f64 / period;
    let off = (cost.reads_a_second / reads - 1.0).abs();
    assert!(off < 0.1, "{cost:?}: the docs say {reads} reads a second");
    assert!(
        1.0 / period + 1.2 <= 3.0,
        "round trips a second of an instance at rest"
    );

    // Until it opens: the threshold, and a batch of each that came too late.
    let threshold = f64::from(Plan::of_scale().failures.unwrap_or(0));
    assert!(cost.records <= threshold + n, "{cost:?}");
    assert!(
        cost.probes >= 2.0,
        "{cost:?}: it was probed again and again"
    );
    // Half-open lasts a probe and its messages; whoever has a call asks, and not again within `h`.
    let half_open = (PROBE + 4 * TRAVELS).as_secs_f64();
    let h = f64::max(0.02, n * 0.0001);
    let open = Duration::from_nanos(Plan::of_scale().recovery);
    let rounds = OUTAGE.as_secs_f64() / open.as_secs_f64();
    let asks = rounds * n * (half_open / h + 1.0);
    assert!(cost.asks <= asks, "{cost:?}: the docs say {asks} at most");
}

#[test]
fn a_hundred_instances_cost_what_the_docs_say() {
    costs_what_the_docs_say(100);
}

#[test]
#[ignore = "takes a minute without optimization: cargo xtask model"]
fn a_thousand_instances_cost_what_the_docs_say() {
    costs_what_the_docs_say(1_000);
}

#[test]
#[ignore = "takes minutes without optimization: cargo xtask model"]
fn ten_thousand_instances_cost_what_the_docs_say() {
    costs_what_the_docs_say(10_000);
}
