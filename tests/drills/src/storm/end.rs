//! After the story: no faults any more, and what must hold then.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use steadfast_rig::{Proxy, wait_for};

use super::drawn::What;
use super::held::too_many;
use super::run::{FAILURES, LEASES, Ran, Story};
use crate::breaker::store;
use crate::fleet::{Fleet, Node};
use crate::node::Order;

const SOON: Duration = Duration::from_secs(5);

impl Story {
    /// Ends all faults; then all must join.
    pub(super) fn calm(&mut self) -> Result<()> {
        // Who is paused does not answer, and might be told something by the end of another fault.
        let mut faults = std::mem::take(&mut self.faults);
        faults.sort_by_key(|fault| !matches!(fault.what, What::NodePaused(_)));
        for fault in faults {
            self.end_fault(fault.what)?;
        }
        self.proxies.iter().for_each(Proxy::heal);
        self.note("calm");
        for node in &mut self.nodes {
            let joined = node.until(2 * SOON, |shown| !shown.degraded)?;
            ensure!(joined, "a node did not join again: {:?}", node.show()?);
        }
        Ok(())
    }

    /// All see what Redis holds.
    pub(super) fn all_agree(&mut self) -> Result<()> {
        let end = Instant::now() + SOON;
        loop {
            let shown = store::shown(&self.server);
            let nodes: Vec<_> = self
                .nodes
                .iter_mut()
                .map(Node::show)
                .collect::<Result<_>>()?;
            // An open state whose time is over is shown as half-open.
            let agrees = |state: &str| state == shown || (shown == "open" && state == "half_open");
            if nodes.iter().all(|node| agrees(&node.state)) {
                return Ok(());
            }
            if Instant::now() > end {
                self.ran
                    .broken
                    .push(format!("{shown} in Redis, but {nodes:?}"));
                return Ok(());
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Each failure of the breaker that only counts was counted once.
    pub(super) fn counts_are_exact(&mut self) {
        let told = self.counted;
        if !self.inexact {
            let _ = wait_for(SOON, || store::counted(&self.server) >= told);
        }
        sleep(Duration::from_millis(300)); // what is sent twice comes late
        let counted = store::counted(&self.server);
        if counted > told || (counted < told && !self.inexact) {
            self.ran
                .broken
                .push(format!("{counted} failures counted of {told}"));
        }
    }

    /// No trip is lost, and nothing is wedged.
    pub(super) fn trips_and_recovers(&mut self) -> Result<()> {
        let mut fleet = Fleet {
            nodes: std::mem::take(&mut self.nodes),
        };
        fleet.reset()?;
        let broken = &mut self.ran.broken;
        fleet.nodes[1].fail(FAILURES)?;
        let opened = |state: &str| state == "open" || state == "half_open";
        if !fleet.settles(SOON, |shown| opened(&shown.state))? {
            broken.push(format!("a trip was lost: {:?}", fleet.show()?));
        }
        // A call that fails to be a probe in time is no matter, as long as calls go on.
        let end = Instant::now() + 2 * SOON;
        while Instant::now() < end && fleet.states()? != "closed" {
            fleet.ask(&Order::Admit(50))?;
            fleet.ask(&Order::Finish(Some(true)))?;
        }
        if fleet.states()? != "closed" {
            broken.push(format!("wedged: {:?}", fleet.show()?));
        }
        Ok(())
    }

    pub(super) fn end(mut self) -> Ran {
        let many = too_many(&self.probes, LEASES as usize, &self.forgotten);
        self.ran.broken.extend(many);
        self.ran
    }
}
