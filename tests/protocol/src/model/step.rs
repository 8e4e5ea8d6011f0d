//! What may happen next.

use super::server::{Around, Extra, Request};
use super::world::{Instance, Message, NOTHING, Result, State, Token, World};
use super::{Flaw, Size};

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The message at this place in the network arrives, and may arrive again.
    Arrives(usize, Copies),
    Lost(usize),
    ACallFails(usize),
    Sends(usize),
    AsksForAProbe(usize),
    Polls(usize),
    ProbeEnds(usize, Result),
    Crashes(usize),
    Due,
    LeaseEnds(Token),
    LostLeaseEnds(usize),
    DataLost,
    Reset,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copies {
    Last,
    More,
}

/// A search's bounds, and the mistake it is to find.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) size: &'a Size,
    pub(super) flaw: Option<Flaw>,
}

impl World {
    /// Everything that may happen next.
    pub(super) fn actions(&self, size: &Size) -> Vec<Action> {
        let mut actions = Vec::new();
        for place in 0..self.network.len() {
            actions.push(Action::Arrives(place, Copies::Last));
            actions.push(Action::Arrives(place, Copies::More));
            actions.push(Action::Lost(place));
        }
        for (place, instance) in self.instances.iter().enumerate() {
            self.actions_of(place, instance, size, &mut actions);
        }
        if self.server.state == State::Open && !self.server.due {
            actions.push(Action::Due);
        }
        actions.extend(
            self.truth
                .leases
                .iter()
                .map(|token| Action::LeaseEnds(*token)),
        );
        for (place, slot) in self.server.slots.iter().enumerate() {
            let lost = slot.is_some_and(|slot| slot.token.is_none() && !slot.over);
            // Each lease that was lost began before it was known to be lost, so it ended before.
            let epoch = self.server.epoch;
            let unknown =
                |token: &&Token| token.epoch == epoch && self.server.place_of(**token).is_none();
            if lost && !self.truth.leases.iter().any(|token| unknown(&token)) {
                actions.push(Action::LostLeaseEnds(place));
            }
        }
        if self.flushes < size.flushes && self.server.view() != NOTHING {
            actions.push(Action::DataLost);
        }
        if self.resets < size.resets {
            actions.push(Action::Reset);
        }
        actions
    }

    fn actions_of(
        &self,
        place: usize,
        instance: &Instance,
        size: &Size,
        actions: &mut Vec<Action>,
    ) {
        let room = self.network.len() < size.network;
        let waits = |wanted: &dyn Fn(&Request) -> bool| {
            self.network.iter().any(|message| match message {
                Message::ToServer { from, request } => *from == instance.id && wanted(request),
                Message::ToInstance { .. } => false,
            })
        };
        let closed = instance.view.state == State::Closed;
        if closed && self.failures < size.failures {
            actions.push(Action::ACallFails(place));
        }
        let has_batch = instance.flight.is_some() || instance.unsent > 0;
        if room && has_batch && closed && !waits(&|request| matches!(request, Request::Record(_))) {
            actions.push(Action::Sends(place));
        }
        if room
            && !closed
            && instance.probe.is_none()
            && !waits(&|request| *request == Request::Acquire)
        {
            actions.push(Action::AsksForAProbe(place));
        }
        if self.server.view() != instance.view {
            actions.push(Action::Polls(place));
        }
        if instance.probe.is_some() {
            let ends = [Result::Ok, Result::Failed, Result::Gone];
            actions.extend(ends.map(|result| Action::ProbeEnds(place, result)));
        }
        if self.crashes < size.crashes {
            actions.push(Action::Crashes(place));
        }
    }

    /// The world after an action.
    pub(super) fn after(&self, action: &Action, rules: Rules<'_>) -> Self {
        let mut world = self.clone();
        world.act(action, rules);
        world.forget();
        world
    }

    fn act(&mut self, action: &Action, rules: Rules<'_>) {
        match *action {
            Action::Arrives(place, copies) => {
                let message = match copies {
                    Copies::Last => self.network.remove(place),
                    Copies::More => self.network[place].clone(),
                };
                self.arrive(message, rules);
            }
            Action::Lost(place) => {
                self.network.remove(place);
            }
            Action::ACallFails(place) => {
                self.failures += 1;
                self.instances[place].unsent += 1;
            }
            Action::Sends(place) => {
                if let Some(batch) = self.instances[place].batch(rules.flaw) {
                    let name = (batch.id, batch.serial);
                    let known = self
                        .truth
                        .untold
                        .iter()
                        .any(|untold| (untold.id, untold.serial) == name);
                    if !known {
                        self.truth.untold.push(batch);
                    }
                    self.request(place, Request::Record(batch), rules);
                }
            }
            Action::AsksForAProbe(place) => self.request(place, Request::Acquire, rules),
            Action::Polls(place) => {
                let answer = self.serve(&Request::Read, rules);
                self.hear(place, answer, rules);
            }
            Action::ProbeEnds(place, result) => {
                if let Some(token) = self.instances[place].probe.take() {
                    self.truth.leases.retain(|lease| *lease != token);
                    self.request(place, Request::Probed(token, result), rules);
                }
            }
            Action::Crashes(place) => {
                self.crashes += 1;
                let id = rules.size.instances + self.crashes - 1;
                self.instances[place] = Instance::new(id);
            }
            Action::Due => self.server.due = true,
            Action::LeaseEnds(token) => self.end_lease(token),
            Action::LostLeaseEnds(place) => {
                if let Some(slot) = &mut self.server.slots[place] {
                    slot.over = true;
                }
            }
            Action::DataLost => {
                self.flushes += 1;
                self.server.flush(rules.size);
                self.truth.counted.clear();
            }
            Action::Reset => {
                self.resets += 1;
                self.serve(&Request::Reset, rules);
            }
        }
    }

    /// Its holder may not know it yet; the time is over all the same.
    pub(super) fn end_lease(&mut self, token: Token) {
        self.truth.leases.retain(|lease| *lease != token);
        for slot in self.server.slots.iter_mut().flatten() {
            slot.over |= slot.token == Some(token);
        }
    }

    fn request(&mut self, place: usize, request: Request, rules: Rules<'_>) {
        let from = self.instances[place].id;
        self.send(rules.size, Message::ToServer { from, request });
    }

    fn arrive(&mut self, message: Message, rules: Rules<'_>) {
        match message {
            Message::ToServer { from, request } => {
                let answer = self.serve(&request, rules);
                // Other replies tell no more than a poll does.
                if matches!(request, Request::Record(_) | Request::Acquire) {
                    self.send(rules.size, Message::ToInstance { to: from, answer });
                }
            }
            Message::ToInstance { to, answer } => {
                if let Some(place) = self.instances.iter().position(|instance| instance.id == to) {
                    self.hear(place, answer, rules);
                }
            }
        }
    }

    fn hear(&mut self, place: usize, answer: super::Answer, rules: Rules<'_>) {
        if let Extra::Counted(seq) | Extra::Seen(seq) = answer.extra {
            let id = self.instances[place].id;
            self.truth
                .untold
                .retain(|batch| (batch.id, batch.seq) != (id, seq));
        }
        if let Some(request) = self.instances[place].heard(answer, rules.flaw) {
            self.request(place, request, rules);
        }
    }

    /// The server runs a script, all at once; and the search notes what is true from then on.
    pub(super) fn serve(&mut self, request: &Request, rules: Rules<'_>) -> super::Answer {
        let before = self.server.clone();
        let around = Around {
            size: rules.size,
            clock: &mut self.clock,
            flaw: rules.flaw,
        };
        let answer = self.server.meet(request, around);
        self.judge(&before, request, answer);
        if answer.view != before.view() {
            if !matches!(request, Request::Restore(_)) {
                self.truth.made.push(answer.view);
            }
            self.truth.counted.clear();
        }
        if let Extra::Lease(token) = answer.extra {
            self.truth.leases.push(token);
        }
        answer
    }

    /// Of epochs that nobody knows any more, nothing need be known.
    fn forget(&mut self) {
        let mut made = std::mem::take(&mut self.truth.made);
        made.retain(|made| self.views().any(|view| view.epoch == made.epoch));
        made.sort_unstable();
        self.truth.made = made;
        self.truth.leases.sort_unstable();
        let instances = &self.instances;
        self.truth.untold.retain(|batch| {
            let sender = instances.iter().find(|instance| instance.id == batch.id);
            sender.is_some_and(|sender| sender.view.epoch == batch.epoch)
        });
    }
}
