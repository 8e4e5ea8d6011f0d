//! Watching files, by the folders they are in: a file that is renamed over, or a symlink that is
//! turned, is another file, and a watch of the old one would see nothing.
//!
//! Notices of the system only say when to look. What counts is whether a file holds something else
//! than before, and that is looked at every few seconds in any case, since network file systems
//! and mounts send none.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::file::contents;

/// Quick changes are one: the last was so long ago.
const QUIET: Duration = Duration::from_millis(100);
/// But no change waits for longer.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often files are looked at where notices come.
const SELDOM: Duration = Duration::from_secs(5);
/// And where none do.
const OFTEN: Duration = Duration::from_secs(1);

/// A watch that goes on until it is dropped.
pub(crate) struct Watch(Sender<Woken>);

enum Woken {
    Changed,
    Stop,
}

impl Watch {
    /// Runs `reload`, on a thread of its own, each time when the files hold something else than
    /// `seen`, or than at the last time.
    pub(crate) fn start(
        files: &[PathBuf],
        seen: Prints,
        reload: impl Fn() + Send + 'static,
    ) -> Result<Self, String> {
        let (sender, receiver) = mpsc::channel();
        let mut watched = Watched {
            files: files.to_vec(),
            seen,
            notices: Notices::new(sender.clone()),
        };
        watched.notices.follow(&watched.files);
        std::thread::Builder::new()
            .name("steadfast-watch".into())
            .spawn(move || watched.run(&receiver, &reload))
            .map_err(|error| {
                format!("the files can't be watched: no thread can be had: {error}")
            })?;
        Ok(Self(sender))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // Where the thread is gone there is nothing to stop.
        let _ = self.0.send(Woken::Stop);
    }
}

/// What files hold, or why it can't be read, as a number each.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Prints(Vec<u64>);

impl Prints {
    pub(crate) fn of(files: &[PathBuf]) -> Self {
        let print = |file: &PathBuf| {
            let mut hasher = DefaultHasher::new();
            contents(file).hash(&mut hasher);
            hasher.finish()
        };
        Self(files.iter().map(print).collect())
    }
}

struct Watched {
    files: Vec<PathBuf>,
    seen: Prints,
    notices: Notices,
}

impl Watched {
    fn run(mut self, woken: &Receiver<Woken>, reload: &impl Fn()) {
        loop {
            match woken.recv_timeout(self.notices.look_every()) {
                Ok(Woken::Changed) => {
                    if settle(woken).is_none() {
                        return;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Woken::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = Prints::of(&self.files);
            if now != self.seen {
                self.seen = now;
                self.notices.follow(&self.files);
                reload();
            }
        }
    }
}

/// Waits until nothing changes any more; none where the watch ends.
fn settle(woken: &Receiver<Woken>) -> Option<()> {
    let began = Instant::now();
    loop {
        match woken.recv_timeout(QUIET) {
            Ok(Woken::Changed) if began.elapsed() < PATIENCE => {}
            Ok(Woken::Changed) | Err(RecvTimeoutError::Timeout) => return Some(()),
            Ok(Woken::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
}

/// The system's notices of changes in some folders.
struct Notices {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    /// Whether every folder is watched.
    complete: bool,
}

impl Notices {
    fn new(sender: Sender<Woken>) -> Self {
        let told = move |notice: notify::Result<notify::Event>| {
            if notice.map_or(true, |event| is_change(event.kind)) {
                let _ = sender.send(Woken::Changed);
            }
        };
        Self {
            watcher: notify::recommended_watcher(told).ok(),
            folders: BTreeSet::new(),
            complete: false,
        }
    }

    fn look_every(&self) -> Duration {
        if self.complete { SELDOM } else { OFTEN }
    }

    /// Watches the folders in which a change may make a file another, and no others.
    fn follow(&mut self, files: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else {
            return;
        };
        let wanted: BTreeSet<PathBuf> = files.iter().flat_map(|file| folders(file)).collect();
        for gone in self.folders.difference(&wanted) {
            let _ = watcher.unwatch(gone); // where it was deleted the watch is gone already
        }
        self.complete = true;
        let mut followed = BTreeSet::new();
        for folder in wanted {
            let known = self.folders.contains(&folder);
            if known || watcher.watch(&folder, RecursiveMode::NonRecursive).is_ok() {
                followed.insert(folder);
            } else {
                self.complete = false;
            }
        }
        self.folders = followed;
    }
}

/// To read a file is no change of it.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// Links that lead to each other have no end.
const MOST_LINKS: usize = 40;

/// The folders of a file, of what it links to, and of each folder on the way that is a link.
fn folders(file: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut at = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    for _ in 0..MOST_LINKS {
        for part in at.ancestors().skip(1).filter(|part| part.is_symlink()) {
            found.extend(part.parent().map(Path::to_owned));
        }
        let Some(folder) = at.parent().map(Path::to_owned) else {
            break;
        };
        let link = std::fs::read_link(&at);
        found.insert(folder.clone());
        match link {
            Ok(target) => at = folder.join(target),
            Err(_) => break,
        }
    }
    found
}
