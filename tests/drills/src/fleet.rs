//! Several nodes, and what to ask them.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{ChildStdin, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use steadfast_rig::Process;

use crate::node::{Answered, Done, Heard, Joining, On, Order, Shown, Start, Waited};

/// Longer than any order takes by itself.
const PATIENCE: Duration = Duration::from_secs(60);
/// Much longer than a round trip.
const SETTLED: Duration = Duration::from_millis(20);
/// How often something is looked at that one waits for.
const LOOK: Duration = Duration::from_millis(5);

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Says which program nodes are, where it is not the one that runs.
pub fn nodes_are(program: impl Into<PathBuf>) {
    let _ = PROGRAM.set(program.into()); // the first word holds
}

pub(crate) fn program() -> Result<PathBuf> {
    match PROGRAM.get() {
        Some(program) => Ok(program.clone()),
        None => env::current_exe().context("the program itself is not to be found"),
    }
}

/// One process.
#[derive(Debug)]
pub struct Node {
    process: Process,
    orders: ChildStdin,
    answers: Receiver<String>,
}

impl Node {
    /// Starts one and waits until it has joined.
    ///
    /// # Errors
    ///
    /// Where it does not come to run; what its setup says is in the text.
    pub fn start(start: &Start) -> Result<Self> {
        let (node, joining) = Self::begin(start)?.joining()?;
        match joining.error {
            None => Ok(node),
            Some(error) => bail!("a node did not start: {error}"),
        }
    }

    /// What the setup of a node that is not to start says.
    ///
    /// # Errors
    ///
    /// Where it starts, or ends in any other way, such as a panic.
    pub fn refused(start: &Start) -> Result<String> {
        let (_node, joining) = Self::begin(start)?.joining()?;
        joining
            .error
            .context("the node started, though it should not")
    }

    fn begin(start: &Start) -> Result<Self> {
        let mut command = Process::of(&program()?);
        command
            .arg("node")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("STEADFAST_") {
                command.env_remove(name); // a drill is not what the shell around it says
            }
        }
        let mut process = Process::start(command)?;
        let child = process.child();
        let (orders, out) = (child.stdin.take(), child.stdout.take());
        let out = BufReader::new(out.context("no pipe")?);
        let (sender, answers) = mpsc::channel();
        thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let mut node = Self {
            process,
            orders: orders.context("no pipe")?,
            answers,
        };
        node.send(start)?;
        Ok(node)
    }

    fn joining(mut self) -> Result<(Self, Joining)> {
        let joining = self.receive()?;
        Ok((self, joining))
    }

    fn send(&mut self, line: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string(line)? + "\n";
        self.orders
            .write_all(text.as_bytes())
            .context("a node is gone")
    }

    fn receive<T: DeserializeOwned>(&mut self) -> Result<T> {
        let line = self.answers.recv_timeout(PATIENCE);
        let line = line.with_context(|| match self.process.ended() {
            Some(status) => format!("a node ended ({status})"),
            None => "a node does not answer".to_owned(),
        })?;
        serde_json::from_str(&line).with_context(|| format!("a node answered {line:?}"))
    }

    /// Gives an order without waiting for its answer.
    ///
    /// # Errors
    ///
    /// Where the node is gone.
    pub fn tell(&mut self, order: &Order) -> Result<()> {
        self.send(order)
    }

    /// The answer to the order that was given first of those not answered yet.
    ///
    /// # Errors
    ///
    /// Where the node is gone, or does not answer.
    pub fn answer(&mut self) -> Result<Answered> {
        self.receive()
    }

    /// Gives an order and waits for its answer.
    ///
    /// # Errors
    ///
    /// Where the node is gone, or does not answer.
    pub fn ask(&mut self, order: &Order) -> Result<Answered> {
        self.tell(order)?;
        self.answer()
    }

    /// Makes so many calls that fail.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn fail(&mut self, count: u32) -> Result<Done> {
        done(self.ask(&Order::Fail(count, On::Drill))?)
    }

    /// Makes so many calls that succeed.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn succeed(&mut self, count: u32) -> Result<Done> {
        done(self.ask(&Order::Succeed(count, On::Drill))?)
    }

    /// What it knows.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn show(&mut self) -> Result<Shown> {
        match self.ask(&Order::Show)? {
            Answered::Shown(shown) => Ok(shown),
            other => bail!("not an answer to that: {other:?}"),
        }
    }

    /// Waits for a state, and says when it came; none where it did not in time.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn wait(&mut self, state: &str, most: Duration) -> Result<Option<u64>> {
        let order = Order::Await(state.to_owned(), millis(most));
        let waited = waited(self.ask(&order)?)?;
        Ok((waited.count > 0).then_some(waited.at))
    }

    /// Waits until something is so of it; whether it came to be in time.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn until(&mut self, most: Duration, so: impl Fn(&Shown) -> bool) -> Result<bool> {
        let end = Instant::now() + most;
        loop {
            if so(&self.show()?) {
                return Ok(true);
            }
            if Instant::now() >= end {
                return Ok(false);
            }
            thread::sleep(LOOK);
        }
    }

    /// What happened since the last time.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn events(&mut self) -> Result<Vec<Heard>> {
        match self.ask(&Order::Events)? {
            Answered::Events(events) => Ok(events),
            other => bail!("not an answer to that: {other:?}"),
        }
    }

    /// Its process: to kill, pause and resume it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }
}

/// A duration as orders have it.
#[must_use]
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The answer to calls.
///
/// # Errors
///
/// Where it is an answer to something else.
pub fn done(answered: Answered) -> Result<Done> {
    match answered {
        Answered::Done(done) => Ok(done),
        other => bail!("not an answer to that: {other:?}"),
    }
}

/// The answer to what was waited for.
///
/// # Errors
///
/// Where it is an answer to something else.
pub fn waited(answered: Answered) -> Result<Waited> {
    match answered {
        Answered::Waited(waited) => Ok(waited),
        other => bail!("not an answer to that: {other:?}"),
    }
}

/// Nodes that were started alike.
#[derive(Debug)]
pub struct Fleet {
    /// Each of them.
    pub nodes: Vec<Node>,
}

impl Fleet {
    /// Starts so many at once, and waits until all have joined.
    ///
    /// # Errors
    ///
    /// Where one does not come to run.
    pub fn start(count: usize, start: &Start) -> Result<Self> {
        let begun: Vec<Node> = (0..count)
            .map(|_| Node::begin(start))
            .collect::<Result<_>>()?;
        let mut nodes = Vec::new();
        for node in begun {
            let (node, joining) = node.joining()?;
            ensure!(joining.error.is_none(), "a node did not start: {joining:?}");
            nodes.push(node);
        }
        let mut fleet = Self { nodes };
        let joined = fleet.settles(Duration::from_secs(10), |shown| !shown.degraded)?;
        ensure!(joined, "not all nodes joined: {:?}", fleet.show()?);
        Ok(fleet)
    }

    /// Gives all the same order, then collects their answers.
    ///
    /// # Errors
    ///
    /// Where one is gone, or does not answer.
    pub fn ask(&mut self, order: &Order) -> Result<Vec<Answered>> {
        for node in &mut self.nodes {
            node.tell(order)?;
        }
        self.nodes.iter_mut().map(Node::answer).collect()
    }

    /// What each knows.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn show(&mut self) -> Result<Vec<Shown>> {
        self.nodes.iter_mut().map(Node::show).collect()
    }

    /// The states they see, each once.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn states(&mut self) -> Result<String> {
        let mut states: Vec<_> = self.show()?.into_iter().map(|shown| shown.state).collect();
        states.sort_unstable();
        states.dedup();
        Ok(states.join(", "))
    }

    /// Waits until something is so of all; whether it came to be in time.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn settles(&mut self, most: Duration, so: impl Fn(&Shown) -> bool) -> Result<bool> {
        let end = Instant::now() + most;
        loop {
            if self.show()?.iter().all(&so) {
                return Ok(true);
            }
            if Instant::now() >= end {
                return Ok(false);
            }
            thread::sleep(LOOK);
        }
    }

    /// Waits until all are in a state.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask), and where they do not come to it in some seconds.
    pub fn expect(&mut self, state: &str) -> Result<()> {
        let come = self.settles(Duration::from_secs(3), |shown| shown.state == state)?;
        ensure!(come, "not {state} in all: {:?}", self.show()?);
        Ok(())
    }

    /// Forgets the events so far.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn forget_events(&mut self) -> Result<()> {
        self.ask(&Order::Events).map(drop)
    }

    /// When the last node came to a state, by the events since the last time; none where one did not.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask).
    pub fn last_to(&mut self, state: &str) -> Result<Option<u64>> {
        let mut last = 0;
        for node in &mut self.nodes {
            let events = node.events()?;
            match events.iter().rev().find(|event| event.to == state) {
                Some(event) => last = last.max(event.at),
                None => return Ok(None),
            }
        }
        Ok(Some(last))
    }

    /// Resets through the first node, and waits until all are closed. They are forced open before, or
    /// nobody could see that the reset reached those that were closed already.
    ///
    /// # Errors
    ///
    /// As [`ask`](Self::ask), and where they do not close.
    pub fn reset(&mut self) -> Result<()> {
        self.nodes[0].ask(&Order::Steer("force_open".to_owned()))?;
        self.expect("forced_open")?;
        self.nodes[0].ask(&Order::Steer("reset".to_owned()))?;
        let closed = self.settles(Duration::from_secs(5), |shown| {
            shown.state == "closed" && shown.failures == 0
        })?;
        ensure!(closed, "a reset did not reach all: {:?}", self.show()?);
        // The first closed at once. Until it hears from Redis, what it counts belongs to a state that is
        // over, and nothing shows when that is.
        thread::sleep(SETTLED);
        Ok(())
    }
}
