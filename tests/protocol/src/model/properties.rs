//! What must hold in each state.

use super::server::{Answer, Extra, Request, Server};
use super::step::Rules;
use super::world::{NOTHING, Result, State, Token, View, World};

/// More rounds than any way to a closed state takes.
const PATIENCE: usize = 12;

impl World {
    /// Whether a script's step was right.
    pub(super) fn judge(&mut self, before: &Server, request: &Request, answer: Answer) {
        let wrong = match (request, answer.extra) {
            (Request::Record(batch), Extra::Counted(_)) => {
                let counted = (batch.id, batch.serial, batch.failures);
                let again = self.truth.counted.contains(&counted);
                self.truth.counted.push(counted);
                let other = batch.epoch != before.epoch || before.state != State::Closed;
                if other {
                    Some("a failure of another epoch was counted")
                } else {
                    again.then_some("a failure was counted twice")
                }
            }
            (Request::Probed(token, _), Extra::Done) => {
                let without = before.place_of(*token).is_none();
                let again = self.server.place_of(*token).is_some();
                let again = again.then_some("a result may count again");
                again.or(without.then_some("a result counted without a lease in force"))
            }
            (_, Extra::Lease(token)) => self
                .is_known(token)
                .then_some("a token was handed out twice"),
            _ => None,
        };
        let back = answer.view.epoch < before.epoch;
        self.truth.wrong = wrong.or(back.then_some("the server's epoch went back"));
    }

    fn is_known(&self, token: Token) -> bool {
        use super::world::Message::{ToInstance, ToServer};
        let on_the_way = self.network.iter().any(|message| match message {
            ToServer { request, .. } => {
                matches!(request, Request::Probed(known, _) if *known == token)
            }
            ToInstance { answer, .. } => answer.extra == Extra::Lease(token),
        });
        let held = self
            .instances
            .iter()
            .any(|instance| instance.probe == Some(token));
        on_the_way || held || self.truth.leases.contains(&token)
    }

    /// What is wrong in this state, if anything.
    pub(super) fn wrong(&self, rules: Rules<'_>) -> Option<&'static str> {
        self.truth
            .wrong
            .or_else(|| self.epochs_wrong())
            .or_else(|| self.probes_wrong(rules))
            .or_else(|| self.counts_wrong(rules))
            .or_else(|| self.settled_wrong(rules))
    }

    fn epochs_wrong(&self) -> Option<&'static str> {
        for view in self.views().filter(|view| *view != NOTHING) {
            let mut made = self
                .truth
                .made
                .iter()
                .filter(|made| made.epoch == view.epoch);
            if made.clone().count() > 1 {
                return Some("two transitions made one epoch");
            }
            match made.next() {
                None => return Some("there is an epoch that no transition made"),
                Some(made) if *made != view => return Some("one epoch stands for two states"),
                Some(_) => {}
            }
        }
        None
    }

    fn probes_wrong(&self, rules: Rules<'_>) -> Option<&'static str> {
        let out = |epoch| {
            self.truth
                .leases
                .iter()
                .filter(|token| token.epoch == epoch)
                .count()
        };
        let many = |token: &Token| out(token.epoch) > rules.size.half_open.into();
        let more = self.truth.leases.iter().any(many);
        more.then_some("more probes are out than allowed")
    }

    fn counts_wrong(&self, rules: Rules<'_>) -> Option<&'static str> {
        let counted: u8 = self.truth.counted.iter().map(|counted| counted.2).sum();
        if self.server.failures != counted {
            return Some("the server counts other failures than it was told of");
        }
        let complete = self.server.state == State::Closed && counted >= rules.size.threshold;
        complete.then_some("the threshold is complete, and it is closed")
    }

    /// Lets messages flow from here, and the dependency work. What was on its way before is lost,
    /// which is the worst that can come of it.
    fn settled_wrong(&self, rules: Rules<'_>) -> Option<&'static str> {
        let mut world = self.clone();
        world.network.clear();
        let known = |view: &View| self.truth.made.contains(view);
        let latest = self.held().filter(known).max().unwrap_or(NOTHING);
        world.all_poll(rules);
        if world.held().any(|view| view != latest) {
            return Some("messages flowed, and not all agree on the latest state");
        }
        let due = world.failures_due();
        world.all_send(rules);
        let trips = latest.state == State::Closed && due >= rules.size.threshold;
        if trips && world.held().any(|view| view.state != State::Open) {
            return Some("a trip was lost");
        }
        world
            .recover(rules)
            .then_some("no probe can close it: it is wedged")
    }

    fn all_poll(&mut self, rules: Rules<'_>) {
        // Whoever restores does so after others have asked, so all ask twice.
        for _ in 0..2 {
            for place in 0..self.instances.len() {
                self.talk(place, &Request::Read, rules);
            }
        }
        self.network.clear();
    }

    fn talk(&mut self, place: usize, request: &Request, rules: Rules<'_>) -> Answer {
        let answer = self.serve(request, rules);
        let then = self.instances[place].heard(answer, rules.flaw);
        if let Some(request) = then {
            let answer = self.serve(&request, rules);
            self.instances[place].heard(answer, rules.flaw);
        }
        answer
    }

    /// Failures that are counted, or would be once they arrive.
    fn failures_due(&self) -> u8 {
        let missing = |batch: &&super::Batch| {
            let counted = (batch.id, batch.serial, batch.failures);
            batch.epoch == self.server.epoch && !self.truth.counted.contains(&counted)
        };
        let untold = self.truth.untold.iter().filter(missing);
        let untold: u8 = untold.map(|batch| batch.failures).sum();
        let unsent: u8 = self.instances.iter().map(|instance| instance.unsent).sum();
        self.server.failures + untold + unsent
    }

    fn all_send(&mut self, rules: Rules<'_>) {
        for _ in 0..2 {
            for place in 0..self.instances.len() {
                if let Some(batch) = self.instances[place].batch(rules.flaw) {
                    self.talk(place, &Request::Record(batch), rules);
                }
            }
        }
        self.all_poll(rules);
    }

    /// Whether it does not come to be closed, though every probe succeeds.
    fn recover(&mut self, rules: Rules<'_>) -> bool {
        for _ in 0..PATIENCE {
            if self.held().all(|view| view.state == State::Closed) {
                return false;
            }
            self.server.pass_all_time();
            self.truth.leases.clear();
            let lease = self.talk(0, &Request::Acquire, rules).extra;
            self.instances[0].probe = None;
            if let Extra::Lease(token) = lease {
                self.talk(0, &Request::Probed(token, Result::Ok), rules);
            }
            self.all_poll(rules);
        }
        true
    }
}
