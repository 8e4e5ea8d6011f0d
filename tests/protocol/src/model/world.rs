//! What there is: a server, instances, messages between them, and what only the search knows.

use arrayvec::ArrayVec;

use super::Size;
use super::server::{Answer, Request, Server};

// Worlds are copied by the million, so all of one is in one place.
const INSTANCES: usize = 4;
const MESSAGES: usize = 4;
const KNOWN: usize = 24;

/// A breaker's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the usual three")]
pub enum State {
    Closed,
    Open,
    HalfOpen,
}

/// A state under its epoch, as somebody knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "a pair")]
pub struct View {
    pub epoch: u8,
    pub state: State,
}

/// A lease's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "a pair")]
pub struct Token {
    pub epoch: u8,
    pub fence: u8,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "as the scripts call them")]
pub enum Result {
    Ok,
    Failed,
    Gone,
}

/// Failures that are sent together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Batch {
    /// Who sends it; an instance that comes again is another.
    pub id: u8,
    /// What admitted its calls.
    pub epoch: u8,
    /// By which the server knows it again.
    pub seq: u8,
    /// How many.
    pub failures: u8,
    /// By which the search knows it again, whatever an instance does.
    pub serial: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Instance {
    pub(super) id: u8,
    pub(super) view: View,
    pub(super) unsent: u8,
    pub(super) flight: Option<Batch>,
    pub(super) seq: u8,
    pub(super) serial: u8,
    pub(super) probe: Option<Token>,
}

impl Instance {
    pub(super) fn new(id: u8) -> Self {
        Self {
            id,
            view: NOTHING,
            unsent: 0,
            flight: None,
            seq: 0,
            serial: 0,
            probe: None,
        }
    }
}

/// What is known where nothing is stored.
pub(super) const NOTHING: View = View {
    epoch: 0,
    state: State::Closed,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Message {
    ToServer { from: u8, request: Request },
    ToInstance { to: u8, answer: Answer },
}

/// What no part of the protocol knows, but the search must.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Truth {
    /// Each epoch that a transition made and somebody has heard of.
    pub(super) made: ArrayVec<View, KNOWN>,
    /// Leases whose time is not over and whose probe is not, as far as anybody may believe.
    pub(super) leases: ArrayVec<Token, KNOWN>,
    /// What the server counts now: whose batch, and how many failures.
    pub(super) counted: ArrayVec<(u8, u8, u8), KNOWN>,
    /// What instances sent of the epoch they are in, and do not know to be counted.
    pub(super) untold: ArrayVec<Batch, KNOWN>,
    /// What went wrong in the step that led here.
    pub(super) wrong: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) server: Server,
    pub(super) instances: ArrayVec<Instance, INSTANCES>,
    /// In no order; sorted, so that equal worlds are equal.
    pub(super) network: ArrayVec<Message, MESSAGES>,
    /// The server's clock: each transition and each lease is at a time of its own.
    pub(super) clock: u8,
    pub(super) failures: u8,
    pub(super) flushes: u8,
    pub(super) crashes: u8,
    pub(super) resets: u8,
    pub(super) truth: Truth,
}

impl World {
    pub(super) fn new(size: &Size) -> Self {
        let mut server = Server::new(size);
        let mut truth = Truth::default();
        let view = View {
            epoch: 1,
            state: size.begins,
        };
        if size.begins != State::Closed {
            (server.epoch, server.state) = (view.epoch, view.state);
            truth.made.push(view);
        }
        let instance = |id| Instance {
            view: server.view(),
            ..Instance::new(id)
        };
        Self {
            instances: (0..size.instances).map(instance).collect(),
            clock: server.epoch,
            server,
            network: ArrayVec::new(),
            failures: 0,
            flushes: 0,
            crashes: 0,
            resets: 0,
            truth,
        }
    }

    /// Where the network is full, what is sent is lost.
    pub(super) fn send(&mut self, size: &Size, message: Message) {
        if self.network.len() < size.network
            && let Err(place) = self.network.binary_search(&message)
        {
            self.network.insert(place, message);
        }
    }

    /// Each pair of epoch and state that somebody knows or is on its way.
    pub(super) fn views(&self) -> impl Iterator<Item = View> {
        let on_the_way = self.network.iter().filter_map(|message| match message {
            Message::ToServer {
                request: Request::Restore(view),
                ..
            } => Some(*view),
            Message::ToInstance { answer, .. } => Some(answer.view),
            Message::ToServer { .. } => None,
        });
        self.held().chain(on_the_way)
    }

    /// What the server and the instances know.
    pub(super) fn held(&self) -> impl Iterator<Item = View> {
        std::iter::once(self.server.view())
            .chain(self.instances.iter().map(|instance| instance.view))
    }
}
