//! One run: a story of calls and faults, and what must hold during and after it.

use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::Result;
use fastrand::Rng;
use steadfast_rig::{Proxy, Server};

use super::drawn::{Calls, End, Fault, What};
use super::held::Probe;
use super::watch::Watch;
use crate::fleet::{Node, done, waited};
use crate::node::{On, Order, Place, Start};
use crate::times::now;

const NODES: usize = 4;
const STEPS: u32 = 40;
pub(super) const FAILURES: u32 = 8;
pub(super) const LEASES: u32 = 2;
/// Shorter than the open time, so that probes of two half-open states never meet, and than the lease.
const HOLD: Duration = Duration::from_millis(100);

/// What a run came to.
#[derive(Debug, Default)]
pub(super) struct Ran {
    pub(super) faults: u64,
    pub(super) epochs: u64,
    pub(super) failures: u64,
    pub(super) probes: u64,
    pub(super) broken: Vec<String>,
    pub(super) story: Vec<String>,
}

pub(super) struct Story {
    rng: Rng,
    pub(super) server: Server,
    pub(super) proxies: Vec<Proxy>,
    starts: Vec<Start>,
    pub(super) nodes: Vec<Node>,
    /// Under way, and the steps they last yet.
    pub(super) faults: Vec<Fault>,
    pub(super) counted: i64,
    /// Failures told to nodes that were killed later, or to a store that forgot: some may be lost.
    pub(super) inexact: bool,
    pub(super) forgotten: Vec<u64>,
    pub(super) probes: Vec<Probe>,
    began: u64,
    pub(super) ran: Ran,
}

pub(super) fn run(seed: u64) -> Result<Ran> {
    let server = Server::options().appendonly().start();
    let watch = Watch::begin(Path::new(server.unix_url().trim_start_matches("unix:")));
    let mut story = Story::begin(seed, server)?;
    for _ in 0..STEPS {
        story.step()?;
    }
    story.calm()?;
    story.all_agree()?;
    story.counts_are_exact();
    story.trips_and_recovers()?;
    let mut ran = story.end();
    let (epochs, twice) = watch.end();
    ran.epochs = epochs;
    ran.broken.extend(twice);
    Ok(ran)
}

impl Story {
    fn begin(seed: u64, server: Server) -> Result<Self> {
        let proxies: Vec<_> = (0..NODES).map(|_| Proxy::to(server.addr())).collect();
        let start = |proxy: &Proxy| {
            let mut start = Start::at(Place::Server(server.url_at(proxy.addr())));
            start.failures = FAILURES;
            start.recovery_ms = 400;
            start.half_open = LEASES;
            start.close_after = 2;
            start.probe_timeout_ms = 600;
            start.counter = true;
            start
        };
        let starts: Vec<_> = proxies.iter().map(start).collect();
        let nodes = starts.iter().map(Node::start).collect::<Result<_>>()?;
        Ok(Self {
            rng: Rng::with_seed(seed),
            server,
            proxies,
            starts,
            nodes,
            faults: Vec::new(),
            counted: 0,
            inexact: false,
            forgotten: Vec::new(),
            probes: Vec::new(),
            began: now(),
            ran: Ran::default(),
        })
    }

    pub(super) fn note(&mut self, text: &str) {
        let at = (now() - self.began) / 1_000_000;
        self.ran.story.push(format!("{at:>6} ms  {text}"));
    }

    /// Perhaps a fault begins, calls are made, and some faults end.
    fn step(&mut self) -> Result<()> {
        if self.rng.u32(0..3) == 0 {
            let fault = Fault::draw(&mut self.rng, NODES);
            self.begin_fault(fault)?;
        }
        self.calls()?;
        for fault in &mut self.faults {
            fault.steps -= 1;
        }
        let over: Vec<_> = self
            .faults
            .extract_if(.., |fault| fault.steps == 0)
            .collect();
        for fault in over {
            self.end_fault(fault.what)?;
        }
        Ok(())
    }

    fn is_under_way(&self, same: impl Fn(What) -> bool) -> bool {
        self.faults.iter().any(|fault| same(fault.what))
    }

    fn is_paused(&self, node: usize) -> bool {
        self.is_under_way(|what| what == What::NodePaused(node))
    }

    fn begin_fault(&mut self, fault: Fault) -> Result<()> {
        let server_away =
            self.is_under_way(|what| matches!(what, What::ServerKilled | What::ServerPaused));
        let what = fault.what;
        match what {
            What::ServerKilled
            | What::ServerPaused
            | What::FlushAll
            | What::ScriptFlush
            | What::ClientsKilled
                if server_away =>
            {
                return Ok(());
            }
            What::NodeKilled(node)
            | What::NodePaused(node)
            | What::Reset(node)
            | What::ForcedOpen(node)
                if self.is_paused(node) =>
            {
                return Ok(());
            }
            What::ServerKilled => self.server.kill(),
            What::ServerPaused => self.server.pause(),
            What::FlushAll => {
                self.server.command(&["FLUSHALL"]);
                self.forgotten.push(now());
                self.inexact = true;
            }
            What::ScriptFlush => drop(self.server.command(&["SCRIPT", "FLUSH"])),
            What::ClientsKilled => drop(self.server.command(&["CLIENT", "KILL", "TYPE", "normal"])),
            What::NodeKilled(node) => {
                self.nodes[node].process().kill();
                self.nodes[node] = Node::start(&self.starts[node])?;
                self.inexact = true;
            }
            What::NodePaused(node) => self.nodes[node].process().pause(),
            What::Cut(node) => self.proxies[node].cut(),
            What::BlackHole(node) => self.proxies[node].black_hole(),
            What::Delay(node, there, back) => self.proxies[node].delay(there, back),
            What::RepliesLost(node) => self.proxies[node].drop_replies(),
            What::Refused(node) => self.proxies[node].refuse(),
            What::Hangs(node) => self.proxies[node].hang(),
            What::ForcedOpen(node) => {
                self.nodes[node].ask(&Order::Steer("force_open".to_owned()))?;
            }
            What::Reset(node) => drop(self.nodes[node].ask(&Order::Steer("reset".to_owned()))?),
        }
        self.ran.faults += 1;
        self.note(&format!("{what} for {} steps", fault.steps));
        if !what.is_short() {
            self.faults.push(fault);
        }
        Ok(())
    }

    pub(super) fn end_fault(&mut self, what: What) -> Result<()> {
        match what {
            What::ServerKilled => self.server.restart(),
            What::ServerPaused => self.server.resume(),
            What::NodePaused(node) => self.nodes[node].process().resume(),
            What::Delay(node, ..)
            | What::RepliesLost(node)
            | What::Refused(node)
            | What::Hangs(node) => {
                self.proxies[node].heal();
            }
            What::ForcedOpen(node) => {
                let mut others = (1..=NODES).map(|next| (node + next) % NODES);
                if let Some(other) = others.find(|other| !self.is_paused(*other)) {
                    self.nodes[other].ask(&Order::Steer("release".to_owned()))?;
                }
            }
            _ => {}
        }
        self.note(&format!("end of {what}"));
        Ok(())
    }

    /// Every node that runs makes some calls; some keep a permit for a while.
    fn calls(&mut self) -> Result<()> {
        let running: Vec<usize> = (0..NODES).filter(|node| !self.is_paused(*node)).collect();
        let drawn: Vec<(usize, Calls)> = running
            .iter()
            .map(|node| (*node, Calls::draw(&mut self.rng)))
            .collect();
        for (node, calls) in &drawn {
            let node = &mut self.nodes[*node];
            node.tell(&Order::Fail(calls.counted, On::Counter))?;
            node.tell(&Order::Fail(calls.failed, On::Drill))?;
            node.tell(&Order::Succeed(calls.succeeded, On::Drill))?;
            node.tell(&Order::Admit(if calls.long.is_some() { 40 } else { 0 }))?;
        }
        let mut held = Vec::new();
        for (place, calls) in &drawn {
            let node = &mut self.nodes[*place];
            let counted = done(node.answer()?)?.admitted;
            self.counted += i64::try_from(counted)?;
            self.ran.failures += counted;
            node.answer()?;
            node.answer()?;
            held.push((*place, *calls, waited(node.answer()?)?));
        }
        sleep(HOLD.mul_f64(self.rng.f64()));
        for (place, calls, waited) in held {
            let until = now();
            let node = &mut self.nodes[place];
            node.ask(&Order::Finish(calls.long.and_then(End::told)))?;
            if waited.count > 0 && waited.state == "half_open" {
                self.ran.probes += 1;
                self.probes.push(Probe {
                    node: place,
                    from: waited.at,
                    until,
                    local: waited.degraded,
                });
            }
        }
        Ok(())
    }
}
