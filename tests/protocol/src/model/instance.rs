//! What an instance does with what it hears, and what it has to say.

use super::Flaw;
use super::server::{Answer, Extra, Request};
use super::world::{Batch, Instance, State, View};

impl Instance {
    /// An announcement: only a later epoch changes anything.
    pub(super) fn announced(&mut self, view: View, flaw: Option<Flaw>) {
        let lower = view.epoch < self.view.epoch && flaw == Some(Flaw::AnInstanceTakesALowerEpoch);
        if view.epoch > self.view.epoch || lower {
            self.view = view;
            self.unsent = 0;
            self.flight = None;
            self.probe = self.probe.filter(|token| token.epoch == view.epoch);
        }
    }

    /// A reply. What it answers by at once is to restore what the server lost.
    pub(super) fn heard(&mut self, answer: Answer, flaw: Option<Flaw>) -> Option<Request> {
        self.announced(answer.view, flaw);
        match answer.extra {
            Extra::Counted(seq) | Extra::Seen(seq) => {
                self.flight = self.flight.filter(|batch| batch.seq != seq);
            }
            // A probe at a time is enough: another lease is left to end.
            Extra::Lease(token) if token.epoch == self.view.epoch && self.probe.is_none() => {
                self.probe = Some(token);
            }
            // A batch of an epoch that the server lost goes again once that is restored.
            Extra::Void(_) | Extra::Lease(_) | Extra::Nothing | Extra::Done => {}
        }
        let restores = answer.view.epoch < self.view.epoch && flaw != Some(Flaw::NobodyRestores);
        restores.then_some(Request::Restore(self.view))
    }

    /// The batch to send: the one that has no answer yet, or what was counted meanwhile.
    pub(super) fn batch(&mut self, flaw: Option<Flaw>) -> Option<Batch> {
        match &mut self.flight {
            Some(batch) if flaw == Some(Flaw::ABatchIsSentAgainAsANewOne) => {
                self.seq += 1;
                batch.seq = self.seq;
            }
            None if self.unsent > 0 && self.view.state == State::Closed => {
                self.seq += 1;
                self.serial += 1;
                self.flight = Some(Batch {
                    id: self.id,
                    epoch: self.view.epoch,
                    seq: self.seq,
                    failures: std::mem::take(&mut self.unsent),
                    serial: self.serial,
                });
            }
            _ => {}
        }
        if flaw == Some(Flaw::ALostBatchIsNotSentAgain) {
            return self.flight.take();
        }
        self.flight
    }
}
