//! All instances, what guards them, and what each says of itself.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{env, process, thread};

use steadfast_rig::{Process, Server};
use tokio::runtime::Runtime;

use super::instance::Said;
use super::{INSTANCE, Plan, Scene};
use crate::upstream::{Behaviour, Timeline, Upstream};

pub(super) type Trouble = Box<dyn Error>;

/// What is seen of the fleet, from wherever it is shown.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) began: Instant,
    pub(super) instances: Vec<Seen>,
    pub(super) scenes: Vec<Scene>,
    /// The scene that is played.
    pub(super) now: String,
    /// Whether Redis is there; none where it is not ours to say.
    pub(super) redis: Option<bool>,
}

/// The last that an instance said, and every change of its state.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) said: Said,
    /// New states with their times, in microseconds of the system's clock.
    pub(super) changes: Vec<(u64, String)>,
    pub(super) sick: bool,
}

pub(super) struct Fleet {
    board: Arc<Mutex<Board>>,
    /// Somebody asked for the end.
    quit: Arc<AtomicBool>,
    /// An instance ended by itself.
    lost: Arc<AtomicBool>,
    orders: Vec<ChildStdin>,
    /// They end before the servers that they use.
    processes: Vec<Process>,
    upstreams: Vec<Upstream>,
    server: Option<Server>,
    runtime: Runtime,
}

impl Fleet {
    /// Starts Redis, where none is given, stand-ins for what is called, and the instances.
    pub(super) fn start(plan: &Plan) -> Result<Self, Trouble> {
        let server = match plan.redis {
            Some(_) => None,
            None => Some(Server::options().try_start()?),
        };
        let redis = match (&plan.redis, &server) {
            (Some(url), _) => url.clone(),
            (None, Some(server)) => server.url(),
            (None, None) => return Err("there is no Redis".into()),
        };
        // Nobody else's keys, and no earlier story's.
        let prefix = format!("steadfast-demo-{}", process::id());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let mut fleet = Self {
            board: Arc::new(Mutex::new(Board {
                began: Instant::now(),
                instances: vec![Seen::default(); plan.instances.into()],
                scenes: Vec::new(),
                now: "the instances start".to_owned(),
                redis: server.as_ref().map(|_| true),
            })),
            quit: Arc::default(),
            lost: Arc::default(),
            orders: Vec::new(),
            processes: Vec::new(),
            upstreams: Vec::new(),
            server,
            runtime,
        };
        for number in 0..usize::from(plan.instances) {
            fleet.add(number, &redis, &prefix)?;
        }
        Ok(fleet)
    }

    fn add(&mut self, number: usize, redis: &str, prefix: &str) -> Result<(), Trouble> {
        let well = Timeline::always(Behaviour::healthy());
        let upstream = Upstream::start(well, number as u64);
        let upstream = self.runtime.block_on(upstream)?;
        let mut command = Process::of(&env::current_exe()?);
        command
            .args([INSTANCE, redis, prefix, &upstream.url()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::start(command)?;
        let child = process.child();
        let pipes = child.stdin.take().zip(child.stdout.take());
        let (orders, out) = pipes.ok_or("an instance has no pipes")?;
        let (board, lost) = (self.board.clone(), self.lost.clone());
        thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                match serde_json::from_str::<Said>(&line) {
                    Ok(said) => note(&mut lock(&board).instances[number], said),
                    Err(_) => eprintln!("instance {}: {line}", number + 1),
                }
            }
            lost.store(true, Ordering::Relaxed);
        });
        self.orders.push(orders);
        self.processes.push(process);
        self.upstreams.push(upstream);
        Ok(())
    }

    pub(super) fn board(&self) -> Arc<Mutex<Board>> {
        self.board.clone()
    }

    /// Set, it ends the story.
    pub(super) fn quit(&self) -> Arc<AtomicBool> {
        self.quit.clone()
    }

    pub(super) fn see(&self) -> MutexGuard<'_, Board> {
        lock(&self.board)
    }

    pub(super) fn count(&self) -> usize {
        self.upstreams.len()
    }

    /// Whether Redis is ours, to kill.
    pub(super) fn owns_redis(&self) -> bool {
        self.server.is_some()
    }

    pub(super) fn kill_redis(&mut self) {
        self.server.iter_mut().for_each(Server::kill);
        self.see().redis = Some(false);
    }

    pub(super) fn restart_redis(&mut self) {
        self.server.iter_mut().for_each(Server::restart);
        self.see().redis = Some(true);
    }

    /// What this instance calls fails from now on, or is well again.
    pub(super) fn sick(&mut self, instance: usize, sick: bool) {
        let behaviour = if sick {
            Behaviour::failing(503)
        } else {
            Behaviour::healthy()
        };
        self.upstreams[instance].switch(Timeline::always(behaviour));
        self.see().instances[instance].sick = sick;
    }

    pub(super) fn order(&mut self, instance: usize, what: &str) {
        // An instance that is gone ends the story by itself.
        let _ = writeln!(self.orders[instance], "{what}");
    }

    /// Whether somebody asked for the end, or an instance ended.
    pub(super) fn is_over(&self) -> bool {
        self.quit.load(Ordering::Relaxed) || self.has_lost_one()
    }

    /// Whether an instance ended by itself; it has said why.
    pub(super) fn has_lost_one(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until something is so of all instances; whether it came to be in time.
    pub(super) fn until(&self, most: Duration, so: impl Fn(&[Seen]) -> bool) -> bool {
        let end = Instant::now() + most;
        while !self.is_over() {
            if so(&self.see().instances) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            thread::sleep(Duration::from_millis(2));
        }
        false
    }

    /// Lets the calls go on for a while.
    pub(super) fn pass(&self, time: Duration) {
        self.until(time, |_| false);
    }
}

fn note(seen: &mut Seen, said: Said) {
    if seen.said.state != said.state {
        seen.changes.push((said.at, said.state.clone()));
    }
    seen.said = said;
}

pub(super) fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}
