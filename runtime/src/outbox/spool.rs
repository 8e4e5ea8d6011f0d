//! Entries that wait for Redis on this machine's disk.
//!
//! A file of lines, each with a checksum; an entry is kept once its line is on the disk (`fsync`). One
//! thread writes: what comes while it waits for the disk goes in one go the next time. Another task moves
//! the entries to Redis and, when nothing is left, cuts the file down. A crash in between moves some
//! twice, and a torn last line was never acknowledged.
//!
//! Each process has a file of its own, locked for as long as it lives; files of processes that are gone
//! are taken over.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use siphasher::sip::SipHasher13;
use tokio::sync::{Notify, oneshot};

use super::entry::Entry;
use super::queue::Queue;
use crate::telemetry::{Event, report};

/// How long the mover waits before it looks whether Redis is back.
const LOOK: Duration = Duration::from_millis(500);
/// Lines that wait for the disk together.
const TOGETHER: usize = 1024;

/// The spool of one queue in one folder.
pub(super) struct Spool {
    folder: PathBuf,
    lines: SyncSender<Line>,
    file: Arc<Kept>,
}

/// A line to write, and whom to tell when the disk has it.
struct Line {
    text: String,
    told: Told,
}

enum Told {
    Task(oneshot::Sender<io::Result<()>>),
    Thread(SyncSender<io::Result<()>>),
}

impl Told {
    fn tell(self, result: io::Result<()>) {
        // Nobody listens where the caller has given up.
        match self {
            Self::Task(told) => drop(told.send(result)),
            Self::Thread(told) => drop(told.send(result)),
        }
    }
}

/// The file, and how much of it has been moved.
struct Kept {
    file: Mutex<File>,
    path: PathBuf,
    more: Notify,
}

impl Kept {
    fn file(&self) -> MutexGuard<'_, File> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Spool {
    pub(super) fn is_in(&self, folder: &Path) -> bool {
        self.folder == folder
    }

    /// Begins a file in the folder, which is made where it is missing, and takes over those of processes
    /// that are gone.
    pub(super) fn open(folder: &Path, queue: &Arc<Queue>) -> io::Result<Arc<Self>> {
        fs::create_dir_all(folder)?;
        let orphans = orphans(folder, &queue.name)?;
        let file = Arc::new(begin(folder, &queue.name)?);
        let (lines, waiting) = sync_channel(TOGETHER);
        let written = file.clone();
        std::thread::Builder::new()
            .name("steadfast-spool".into())
            .spawn(move || write(&written, &waiting))?;
        let courier = queue.courier.clone();
        for orphan in orphans {
            courier.spawn(move_all(
                Arc::downgrade(queue),
                Arc::new(orphan),
                Ends::WhenEmpty,
            ));
        }
        courier.spawn(move_all(Arc::downgrade(queue), file.clone(), Ends::Never));
        Ok(Arc::new(Self {
            folder: folder.to_owned(),
            lines,
            file,
        }))
    }

    /// Keeps an entry: on the disk when this returns.
    pub(super) async fn keep(&self, entry: &Entry) -> io::Result<()> {
        let (told, written) = oneshot::channel();
        self.hand_over(entry, Told::Task(told))?;
        written.await.unwrap_or_else(|_| Err(ended()))
    }

    pub(super) fn keep_blocking(&self, entry: &Entry) -> io::Result<()> {
        let (told, written) = sync_channel(1);
        self.hand_over(entry, Told::Thread(told))?;
        written.recv().unwrap_or_else(|_| Err(ended()))
    }

    fn hand_over(&self, entry: &Entry, told: Told) -> io::Result<()> {
        let text = line(&entry.packed());
        let sent = self.lines.send(Line { text, told });
        sent.map_err(|_| ended())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.file.more.notify_one();
    }
}

fn ended() -> io::Error {
    io::Error::other("the thread that writes the spool has ended")
}

/// A file of this process's own.
fn begin(folder: &Path, queue: &str) -> io::Result<Kept> {
    let name = format!("{queue}.{:016x}.spool", fastrand::u64(..));
    let path = folder.join(name);
    let file = OpenOptions::new()
        .create_new(true)
        .read(true)
        .append(true)
        .open(&path)?;
    if !lock(&file) {
        return Err(io::Error::other("the spool's file can't be locked"));
    }
    // The name must be on the disk too.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(Kept {
        file: Mutex::new(file),
        path,
        more: Notify::new(),
    })
}

/// Files of this queue that no process holds.
fn orphans(folder: &Path, queue: &str) -> io::Result<Vec<Kept>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let own = name
            .strip_prefix(queue)
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.strip_suffix(".spool"))
            .is_some_and(|number| number.len() == 16);
        if !own {
            continue;
        }
        let Ok(file) = OpenOptions::new().read(true).append(true).open(&path) else {
            continue; // taken over by another, and gone
        };
        if lock(&file) {
            found.push(Kept {
                file: Mutex::new(file),
                path,
                more: Notify::new(),
            });
        }
    }
    Ok(found)
}

/// Locks a file for this process, unless another has it.
#[cfg(unix)]
fn lock(file: &File) -> bool {
    use rustix::fs::{FlockOperation, flock};
    flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
}

/// Where there are no such locks, files of processes that are gone stay until somebody moves them.
#[cfg(not(unix))]
fn lock(_: &File) -> bool {
    true
}

/// Writes what is handed over, until nobody hands anything over any more.
fn write(kept: &Kept, waiting: &Receiver<Line>) {
    while let Ok(first) = waiting.recv() {
        let mut lines = vec![first];
        lines.extend(waiting.try_iter().take(TOGETHER - 1));
        let text: String = lines.iter().map(|line| line.text.as_str()).collect();
        let written = {
            let mut file = kept.file();
            let length = file.metadata().map(|it| it.len());
            let written = file
                .write_all(text.as_bytes())
                .and_then(|()| file.sync_data());
            if written.is_err()
                && let Ok(length) = length
            {
                // What was not acknowledged must not stand in the way of what comes after it.
                let _ = file.set_len(length);
            }
            written
        };
        for line in lines {
            line.told.tell(copied(&written));
        }
        kept.more.notify_one();
    }
}

fn copied(result: &io::Result<()>) -> io::Result<()> {
    match result {
        Ok(()) => Ok(()),
        Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
    }
}

/// When a mover has done its work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Never,
    WhenEmpty,
}

/// Moves entries to Redis as long as the queue is in use.
async fn move_all(queue: Weak<Queue>, kept: Arc<Kept>, ends: Ends) {
    let mut moved = 0;
    loop {
        {
            let Some(queue) = queue.upgrade() else {
                return;
            };
            if queue.courier.is_up() {
                moved = move_some(&queue, &kept, moved).await;
            }
        }
        if ends == Ends::WhenEmpty && moved == 0 && is_empty(&kept) {
            // Nobody writes to it any more.
            let _ = fs::remove_file(&kept.path);
            return;
        }
        let _ = tokio::time::timeout(LOOK, kept.more.notified()).await;
    }
}

fn is_empty(kept: &Kept) -> bool {
    kept.file().metadata().is_ok_and(|it| it.len() == 0)
}

/// Moves what stands behind `from`; gives how far it came. Where all is moved, the file is cut down.
async fn move_some(queue: &Arc<Queue>, kept: &Kept, mut from: u64) -> u64 {
    let Ok((lines, end)) = lines_from(kept, from) else {
        return from;
    };
    for (text, after) in lines {
        match entry(&text) {
            Some(entry) => {
                if queue.push_spooled(&entry).await.is_err() {
                    return from;
                }
                report(&Event::Unspooled {
                    queue: queue.name,
                    id: &entry.id,
                });
            }
            None => report(&Event::Torn { queue: queue.name }),
        }
        from = after;
    }
    let file = kept.file();
    let length = file.metadata().map_or(u64::MAX, |it| it.len());
    if length == end && file.set_len(0).and_then(|()| file.sync_data()).is_ok() {
        return 0;
    }
    from
}

/// Whole lines from a place on, each with the place behind it, and where the file ends.
fn lines_from(kept: &Kept, from: u64) -> io::Result<(Vec<(String, u64)>, u64)> {
    let mut file = kept.file();
    file.seek(SeekFrom::Start(from))?;
    let mut reader = BufReader::new(&mut *file);
    let mut lines = Vec::new();
    let mut at = from;
    loop {
        let mut line = Vec::new();
        let read = reader.read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok((lines, at));
        }
        at += read as u64;
        lines.push((String::from_utf8_lossy(&line).into_owned(), at));
    }
}

/// A line: checksum, blank, entry. JSON has no line breaks of its own.
fn line(packed: &str) -> String {
    format!("{:016x} {packed}\n", checksum(packed))
}

/// The entry of a line; none where it is torn.
fn entry(line: &str) -> Option<Entry> {
    let (sum, packed) = line.strip_suffix('\n')?.split_once(' ')?;
    let sum = u64::from_str_radix(sum, 16).ok()?;
    (sum == checksum(packed)).then(|| Entry::unpacked(packed))?
}

fn checksum(text: &str) -> u64 {
    SipHasher13::new().hash(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry_of(data: &str) -> Entry {
        Entry {
            id: "1".into(),
            key: String::new(),
            call: String::new(),
            attempts: 0,
            data: data.into(),
        }
    }

    #[test]
    fn a_line_gives_its_entry_back_and_a_torn_one_none() {
        let written = line(&entry_of("{\"a\": \"\\n\"}").packed());
        assert_eq!(entry(&written), Some(entry_of("{\"a\": \"\\n\"}")));
        for cut in 0..written.len() {
            assert_eq!(entry(&written[..cut]), None, "{cut}");
        }
        assert_eq!(entry(&written.replace('a', "b")), None);
    }

    #[test]
    fn files_of_the_living_are_left_to_them() {
        let folder = std::env::temp_dir().join(format!("spool-{:x}", fastrand::u64(..)));
        fs::create_dir_all(&folder).unwrap();
        let kept = begin(&folder, "mails").unwrap();
        assert_eq!(orphans(&folder, "mails").unwrap().len(), 0);
        drop(kept);
        assert_eq!(orphans(&folder, "mails").unwrap().len(), 1);
        assert_eq!(orphans(&folder, "mail").unwrap().len(), 0);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn lines_are_on_the_disk_when_their_writers_are_told() {
        let folder = std::env::temp_dir().join(format!("spool-{:x}", fastrand::u64(..)));
        fs::create_dir_all(&folder).unwrap();
        let kept = Arc::new(begin(&folder, "mails").unwrap());
        let (lines, waiting) = sync_channel(TOGETHER);
        let written = kept.clone();
        let writer = std::thread::spawn(move || write(&written, &waiting));
        let tell = |number: usize| {
            let (told, heard) = sync_channel(1);
            let text = line(&entry_of(&number.to_string()).packed());
            lines
                .send(Line {
                    text,
                    told: Told::Thread(told),
                })
                .unwrap();
            heard
        };
        let all: Vec<_> = (0..100).map(tell).collect();
        all.iter().for_each(|heard| heard.recv().unwrap().unwrap());
        let (found, end) = lines_from(&kept, 0).unwrap();
        assert_eq!(found.len(), 100);
        assert_eq!(entry(&found[99].0), Some(entry_of("99")));
        assert_eq!(lines_from(&kept, found[98].1).unwrap().0.len(), 1);
        assert_eq!(fs::metadata(&kept.path).unwrap().len(), end);
        drop(lines);
        writer.join().unwrap();
        fs::remove_dir_all(&folder).unwrap();
    }
}
