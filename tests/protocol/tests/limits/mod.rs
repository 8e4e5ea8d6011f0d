//! The scripts of shared limits and bulkheads, on a real server whose scripts read the time that a test sets.

mod buckets;
mod places;
mod windows;

use std::cell::{Cell, RefCell};

use steadfast_rig::{Client, Reply, Server};

use crate::stores::{SHIM, START};

macro_rules! script {
    ($($name:literal)+) => {
        concat!(
            include_str!("../../../../runtime/src/shared/scripts/limit/common.lua"),
            $(include_str!(concat!("../../../../runtime/src/shared/scripts/limit/", $name, ".lua"))),+
        )
    };
}

const BUCKET: &str = script!("read_write" "bucket");
const GIVE_BACK: &str = script!("read_write" "give_back");
const WINDOW: &str = script!("window");
const ENTER: &str = script!("enter");
const HOLD: &str = script!("hold");

const SECOND: u64 = 1_000_000;
const KEY: &str = "{steadfast:rl:x:}";

struct Limits {
    server: Server,
    client: RefCell<Client>,
    now: Cell<u64>,
}

/// A reply's numbers.
struct Told {
    granted: i64,
    wait: i64,
    left: i64,
    full_in: i64,
    mark: String,
    returned: String,
    at: String,
}

impl Limits {
    fn new() -> Self {
        let server = Server::start();
        let client = RefCell::new(server.client().unwrap());
        Self {
            server,
            client,
            now: Cell::new(START),
        }
    }

    fn pass(&self, micros: u64) {
        self.now.set(self.now.get() + micros);
    }

    fn run(&self, script: &str, args: &[&str]) -> Reply {
        let (source, now) = (format!("{SHIM}{script}"), self.now.get().to_string());
        let mut words = vec!["EVAL", &source, "1", KEY];
        words.extend(args);
        words.push(&now);
        self.client.borrow_mut().command(&words).unwrap()
    }

    fn command(&self, words: &[&str]) -> Reply {
        self.server.command(words)
    }

    fn take(&self, script: &str, args: &[&str]) -> Told {
        let reply = self.run(script, args);
        let [granted, wait, left, full_in, mark, returned, at] = reply.items() else {
            panic!("{reply:?}")
        };
        let int = |item: &Reply| item.int().unwrap();
        Told {
            granted: int(granted),
            wait: int(wait),
            left: int(left),
            full_in: int(full_in),
            mark: mark.text(),
            returned: returned.text(),
            at: at.text(),
        }
    }
}
