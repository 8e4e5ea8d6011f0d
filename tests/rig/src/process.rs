//! A process of ours: it ends with the value that holds it, and with this process.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Sender};
use std::{env, thread};

use rustix::process::{Pid, Signal, kill_process};

/// Where a program is on the PATH.
#[must_use]
pub fn find(program: &str) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(|path| path.is_file());
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// A child that is killed when this value is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    ended: Option<ExitStatus>,
}

impl Process {
    /// A command that runs a program; on Linux the system kills what it starts when this process ends,
    /// in whatever way.
    #[must_use]
    pub fn of(program: &Path) -> Command {
        let Some(setpriv) = setpriv() else {
            return Command::new(program);
        };
        let mut command = Command::new(setpriv);
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    /// Starts such a command.
    ///
    /// # Errors
    ///
    /// Where it cannot be started.
    pub fn start(command: Command) -> io::Result<Self> {
        let (answer, started) = mpsc::channel();
        let order = Order { command, answer };
        let gone = || io::Error::other("the thread that starts processes is gone");
        spawner().send(order).map_err(|_| gone())?;
        let child = started.recv().map_err(|_| gone())??;
        Ok(Self { child, ended: None })
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The child itself, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, where it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().ok().flatten();
        }
        self.ended
    }

    /// Ends it with SIGKILL, and waits until it is gone.
    pub fn kill(&mut self) {
        if self.ended().is_none() {
            let _ = self.child.kill();
            self.ended = self.child.wait().ok();
        }
    }

    /// Stops it with SIGSTOP: its connections stay open, and nobody answers.
    pub fn pause(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on after a [`pause`](Self::pause).
    pub fn resume(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to end, with SIGTERM.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// A process that has ended gets no signal: its number may be another's by now.
    fn signal(&mut self, signal: Signal) {
        if self.ended().is_none()
            && let Some(pid) = i32::try_from(self.id()).ok().and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

struct Order {
    command: Command,
    answer: Sender<io::Result<Child>>,
}

/// The thread that starts all processes. Linux ends a child with the *thread* that started it, so
/// that thread must live as long as this process.
fn spawner() -> &'static Sender<Order> {
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        thread::spawn(move || {
            for mut order in orders {
                let _ = order.answer.send(order.command.spawn());
            }
        });
        sender
    })
}

/// What asks the system to end a program with the thread that started it, and then becomes it.
fn setpriv() -> Option<&'static PathBuf> {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    let found = SETPRIV.get_or_init(|| {
        let path = find("setpriv").filter(|_| cfg!(target_os = "linux"))?;
        let help = Command::new(&path).arg("--help").output().ok()?;
        let known = String::from_utf8_lossy(&help.stdout).contains("--pdeathsig");
        known.then_some(path)
    });
    found.as_ref()
}
