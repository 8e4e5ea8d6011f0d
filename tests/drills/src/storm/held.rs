//! The probes that nodes held, and whether there were ever too many at once.

use std::time::Duration;

/// A permit of a half-open breaker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    pub(super) node: usize,
    pub(super) from: u64,
    pub(super) until: u64,
    /// Admitted by the node alone, while it was without Redis.
    pub(super) local: bool,
}

/// Where more probes of the fleet were held at once than there are leases. Where the store forgot its
/// leases meanwhile, or had two half-open states, as many may be out once more for each.
pub(super) fn too_many(probes: &[Probe], leases: usize, forgotten: &[u64]) -> Vec<String> {
    let near = u64::try_from(Duration::from_millis(500).as_nanos()).unwrap_or(0);
    let shared: Vec<_> = probes.iter().filter(|probe| !probe.local).collect();
    let mut found = Vec::new();
    for probe in &shared {
        let at = probe.from;
        let out = shared
            .iter()
            .filter(|other| other.from <= at && at < other.until);
        let nodes: Vec<_> = out.map(|probe| probe.node).collect();
        let losses = forgotten
            .iter()
            .filter(|lost| at.abs_diff(**lost) < near)
            .count();
        if nodes.len() > leases * (1 + losses) {
            found.push(format!(
                "{} probes at once, of nodes {nodes:?}, with {leases} leases and {losses} losses",
                nodes.len()
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(from: u64, until: u64, local: bool) -> Probe {
        Probe {
            node: 0,
            from,
            until,
            local,
        }
    }

    #[test]
    fn only_probes_of_the_fleet_that_overlap_are_too_many() {
        let second = 1_000_000_000;
        let two = [
            probe(0, 10, false),
            probe(5, 15, false),
            probe(10, 20, false),
        ];
        assert_eq!(too_many(&two, 2, &[]), [""; 0]);
        let three = [
            probe(0, 10, false),
            probe(5, 15, false),
            probe(9, 20, false),
        ];
        assert_eq!(too_many(&three, 2, &[]).len(), 1);
        assert_eq!(too_many(&three, 2, &[9]), [""; 0]);
        assert_eq!(too_many(&three, 2, &[second]).len(), 1);
        let local = [probe(0, 10, false), probe(5, 15, true), probe(9, 20, false)];
        assert_eq!(too_many(&local, 2, &[]), [""; 0]);
    }
}
