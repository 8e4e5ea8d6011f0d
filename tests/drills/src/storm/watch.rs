//! Watches the store: which states it had, in which epochs.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use steadfast_rig::{Client, Reply};

use crate::breaker::store::state_key;
use crate::node::BREAKER;

const LOOK: Duration = Duration::from_millis(3);
const CHANNEL: &str = "drill:cb";

/// Epoch → every state that was seen under it.
type Seen = BTreeMap<u64, Vec<String>>;

pub(super) struct Watch {
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    threads: Vec<JoinHandle<()>>,
}

impl Watch {
    /// Looks at the state again and again, and listens to what is announced, however often the server
    /// dies.
    pub(super) fn begin(socket: &Path) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Seen::new()));
        let looker = |look: fn(&mut Client, &AtomicBool, &Mutex<Seen>) -> std::io::Result<()>| {
            let (over, seen, socket) = (over.clone(), seen.clone(), socket.to_owned());
            thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    // A server that is dead, or paused for long, is asked again.
                    let _ = Client::connect(&socket, None)
                        .and_then(|mut client| look(&mut client, &over, &seen));
                    sleep(LOOK);
                }
            })
        };
        let threads = vec![looker(states), looker(announcements)];
        Self {
            over,
            seen,
            threads,
        }
    }

    /// How many epochs there were, and those that had two states.
    pub(super) fn end(self) -> (u64, Vec<String>) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads {
            let _ = thread.join();
        }
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let twice = seen.iter().filter(|(_, states)| states.len() > 1);
        let twice =
            twice.map(|(epoch, states)| format!("epoch {epoch} was {}", states.join(" and ")));
        (seen.len() as u64, twice.collect())
    }
}

fn add(seen: &Mutex<Seen>, epoch: u64, state: &str) {
    // The one epoch that is not minted: nothing was ever written.
    if epoch == 0 {
        return;
    }
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let states = seen.entry(epoch).or_default();
    if !states.iter().any(|known| known == state) {
        states.push(state.to_owned());
    }
}

fn states(client: &mut Client, over: &AtomicBool, seen: &Mutex<Seen>) -> std::io::Result<()> {
    while !over.load(Ordering::Relaxed) {
        let reply = client.command(&["HMGET", &state_key("drill"), "st", "ep", "lock"])?;
        if let [Reply::Text(state), Reply::Text(epoch), lock] = reply.items() {
            // As announcements show them.
            let shown = match lock.text().as_str() {
                "forced_open" => "3",
                "disabled" => "4",
                _ => state,
            };
            add(seen, epoch.parse().unwrap_or(0), shown);
        }
        sleep(LOOK);
    }
    Ok(())
}

/// `v1|name|epoch|state|remaining|opens`
fn announcements(
    client: &mut Client,
    over: &AtomicBool,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    client.command(&["SUBSCRIBE", CHANNEL])?;
    client.wait_at_most(Duration::from_millis(200))?;
    while !over.load(Ordering::Relaxed) {
        let message = match client.reply() {
            Ok(message) => message.items().get(2).map(Reply::text).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let fields: Vec<&str> = message.split('|').collect();
        if let ["v1", BREAKER, epoch, state, ..] = fields[..] {
            add(seen, epoch.parse().unwrap_or(0), state);
        }
    }
    Ok(())
}
