//! What must hold at each step.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use tokio::time::Instant;

use super::instance::UNUSED;
use crate::breaker::{Nanos, Seen, State, Thresholds};

struct Lease {
    token: String,
    epoch: u64,
    /// By the store's clock, in microseconds.
    ends: u64,
}

/// A call that probes, with a lease.
struct Probe {
    number: u64,
    instance: u32,
    epoch: u64,
    began: Instant,
}

/// Keeps what no instance and no store knows, and compares.
pub(super) struct Judge {
    half_open: usize,
    probe_timeout: u64,
    states: BTreeMap<u64, State>,
    epoch: u64,
    leases: Vec<Lease>,
    known: HashMap<u32, u64>,
    probes: Vec<Probe>,
    begun: u64,
    /// When the store's clock ended all leases, though instances may hold some that they use still.
    leases_ended: Option<Instant>,
    /// Failed calls of an epoch.
    failures: HashMap<u64, u64>,
    /// The most of them that the store counted.
    counted: HashMap<u64, u64>,
    pub(super) openings: u32,
    wrong: Option<String>,
}

fn micros(nanos: Nanos) -> u64 {
    nanos.div_ceil(1000)
}

impl Judge {
    pub(super) fn new(thresholds: &Thresholds) -> Self {
        Self {
            half_open: thresholds.half_open,
            probe_timeout: micros(thresholds.probe_timeout),
            states: BTreeMap::new(),
            epoch: 0,
            leases: Vec::new(),
            known: HashMap::new(),
            probes: Vec::new(),
            begun: 0,
            leases_ended: None,
            failures: HashMap::new(),
            counted: HashMap::new(),
            openings: 0,
            wrong: None,
        }
    }

    pub(super) fn wrong(&mut self, why: String) {
        self.wrong.get_or_insert(why);
    }

    pub(super) fn verdict(&mut self) -> Result<(), String> {
        self.wrong.take().map_or(Ok(()), Err)
    }

    pub(super) fn is_over(&self) -> bool {
        self.wrong.is_some()
    }

    /// A script said something.
    pub(super) fn heard(
        &mut self,
        script: &str,
        own: &[Cow<'_, str>],
        seen: &Seen,
        extra: &str,
        now: u64,
    ) {
        let epoch = seen.epoch;
        // Once its clock has jumped ahead, what the store holds may expire at any time.
        let expired = epoch == 0 && self.leases_ended.is_some();
        if epoch < self.epoch && !expired {
            self.wrong(format!(
                "the store's epoch went from {} to {epoch}",
                self.epoch
            ));
        }
        self.epoch = epoch;
        let known = match epoch {
            0 => State::Closed,
            _ => *self.states.entry(epoch).or_insert_with(|| {
                self.openings += u32::from(seen.state == State::Open);
                seen.state
            }),
        };
        if known != seen.state {
            self.wrong(format!("epoch {epoch} is {known:?} and {:?}", seen.state));
        }
        match script {
            "acquire" if !extra.is_empty() => self.granted(extra, epoch, now),
            "probed" if extra == "1" => self.accepted(&own[0], epoch),
            "record" => self.counted(seen),
            _ => {}
        }
    }

    fn granted(&mut self, token: &str, epoch: u64, now: u64) {
        if self.leases.iter().any(|lease| lease.token == token) {
            self.wrong(format!("{token} was handed out twice"));
        }
        self.leases.push(Lease {
            token: token.to_owned(),
            epoch,
            ends: now + self.probe_timeout,
        });
        let out = self
            .leases
            .iter()
            .filter(|lease| lease.epoch == epoch && lease.ends > now);
        let out = out.count();
        if out > self.half_open {
            self.wrong(format!("{out} leases are out in epoch {epoch}"));
        }
    }

    fn accepted(&mut self, token: &str, after: u64) {
        let Some(place) = self.leases.iter().position(|lease| lease.token == token) else {
            return self.wrong(format!(
                "a result counted of {token}, which is no lease or was told before"
            ));
        };
        let lease = self.leases.remove(place);
        let between = |epoch: &u64| *epoch > lease.epoch && *epoch < after;
        if self.states.keys().any(between) {
            self.wrong(format!("a result counted of {token}, whose epoch is over"));
        }
    }

    fn counted(&mut self, seen: &Seen) {
        if seen.state != State::Closed {
            return;
        }
        let happened = self.failures.get(&seen.epoch).copied().unwrap_or(0);
        let counted = self.counted.entry(seen.epoch).or_default();
        *counted = (*counted).max(seen.counts.failed);
        if seen.counts.failed > happened {
            let counted = seen.counts.failed;
            self.wrong(format!(
                "{counted} failures count in epoch {}, of {happened}",
                seen.epoch
            ));
        }
    }

    /// The store forgot everything.
    pub(super) fn forgets(&mut self) {
        self.epoch = 0;
    }

    /// The store's clock jumped from one time to another. Forward, leases end whose probes are still
    /// out; back, none lasts longer than it may.
    pub(super) fn clock_jumped(&mut self, before: u64, now: u64) {
        if now > before {
            self.probes.clear();
            self.leases_ended = Some(Instant::now());
        }
        let latest = now + self.probe_timeout;
        for lease in &mut self.leases {
            lease.ends = lease.ends.min(latest);
        }
    }

    pub(super) fn knows(&mut self, instance: u32, epoch: u64) {
        let known = self.known.entry(instance).or_default();
        if epoch < *known {
            let known = *known;
            return self.wrong(format!("{instance} went from epoch {known} to {epoch}"));
        }
        *known = epoch;
    }

    pub(super) fn fails(&mut self, epoch: u64) {
        *self.failures.entry(epoch).or_default() += 1;
    }

    /// A call with a lease begins; the number by which it ends.
    pub(super) fn probe_begins(&mut self, instance: u32, epoch: u64) -> u64 {
        let now = Instant::now();
        self.begun += 1;
        if self.leases_ended.is_some_and(|ended| now - ended < UNUSED) {
            return self.begun;
        }
        self.probes.push(Probe {
            number: self.begun,
            instance,
            epoch,
            began: now,
        });
        let timeout = std::time::Duration::from_micros(self.probe_timeout);
        let surely = timeout.saturating_sub(UNUSED);
        let is_out = |probe: &&Probe| probe.epoch == epoch && now - probe.began < surely;
        let out = self.probes.iter().filter(is_out).count();
        if out > self.half_open {
            self.wrong(format!("{out} probes are out in epoch {epoch}"));
        }
        self.begun
    }

    pub(super) fn probe_ends(&mut self, number: u64) {
        self.probes.retain(|probe| probe.number != number);
    }

    /// Of an instance that is gone.
    pub(super) fn crashed(&mut self, instance: u32) {
        self.probes.retain(|probe| probe.instance != instance);
    }

    /// Failures of an epoch: those that happened, and those that the store counted.
    pub(super) fn failures_of(&self, epoch: u64) -> (u64, u64) {
        let of = |counts: &HashMap<u64, u64>| counts.get(&epoch).copied().unwrap_or(0);
        (of(&self.failures), of(&self.counted))
    }
}
