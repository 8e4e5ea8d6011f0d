//! A Redis to test against: real servers on free ports, with folders of their own, which end with the
//! value that holds them, also when a test panics or the whole process is killed.
//!
//! ```no_run
//! use steadfast_rig::Server;
//!
//! let mut server = Server::start();
//! server.command(&["SET", "key", "value"]);
//! println!("{}", server.url());
//! server.kill();
//! server.restart(); // on the same port, empty: nothing is kept unless asked for
//! ```
//!
//! Everything here blocks its thread for some milliseconds; nothing needs a runtime around it. Where
//! `redis-server` is not installed, starting one panics and says how to get it. The variable
//! `TEST_REDIS_SERVER` names another program to run instead, such as `valkey-server`.

#![cfg(unix)] // Redis runs nowhere else

mod cluster;
mod folder;
mod monitor;
mod options;
mod ports;
mod process;
mod proxy;
mod reply;
mod sentinel;
mod server;
#[cfg(feature = "tls")]
mod tls;

pub use cluster::Cluster;
pub use folder::Folder;
pub use monitor::{Monitor, Seen};
pub use options::Options;
pub use ports::free_port;
pub use process::{Process, find};
pub use proxy::Proxy;
pub use reply::{Client, Reply};
pub use sentinel::Sentinels;
pub use server::{Server, StartError};
#[cfg(feature = "tls")]
pub use tls::{Authority, Identity};

use std::time::{Duration, Instant};

/// Waits until something is so, and says whether it came to be before the time was over.
#[must_use]
pub fn wait_for(time: Duration, mut so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + time;
    loop {
        if so() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
