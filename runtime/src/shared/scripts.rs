//! The scripts that Redis runs: each decides by itself what must be decided in one place.

use std::sync::LazyLock;

use redis::{Cmd, cmd};

/// A script of breakers, behind what all of them begin with.
macro_rules! of_breaker {
    ($name:literal) => {
        LazyLock::new(|| {
            Script::of(&[
                include_str!("scripts/breaker/common.lua"),
                include_str!(concat!("scripts/breaker/", $name, ".lua")),
            ])
        })
    };
}

pub(crate) static RECORD: LazyLock<Script> = of_breaker!("record");
pub(crate) static ACQUIRE: LazyLock<Script> = of_breaker!("acquire");
pub(crate) static PROBED: LazyLock<Script> = of_breaker!("probed");
pub(crate) static RESTORE: LazyLock<Script> = of_breaker!("restore");
pub(crate) static STEER: LazyLock<Script> = of_breaker!("steer");
pub(crate) static READ: LazyLock<Script> = of_breaker!("read");

/// A script of limits and bulkheads.
macro_rules! of_limit {
    ($($name:literal)+) => {
        LazyLock::new(|| {
            Script::of(&[
                include_str!("scripts/limit/common.lua"),
                $(include_str!(concat!("scripts/limit/", $name, ".lua"))),+
            ])
        })
    };
}

pub(crate) static BUCKET: LazyLock<Script> = of_limit!("read_write" "bucket");
pub(crate) static GIVE_BACK: LazyLock<Script> = of_limit!("read_write" "give_back");
pub(crate) static WINDOW: LazyLock<Script> = of_limit!("window");
pub(crate) static ENTER: LazyLock<Script> = of_limit!("enter");
pub(crate) static HOLD: LazyLock<Script> = of_limit!("hold");

pub(crate) static HEARTBEAT: LazyLock<Script> =
    LazyLock::new(|| Script::of(&[include_str!("scripts/heartbeat.lua")]));

/// A script of queues.
macro_rules! of_queue {
    ($name:literal) => {
        LazyLock::new(|| Script::of(&[include_str!(concat!("scripts/queue/", $name, ".lua"))]))
    };
}

pub(crate) static QUEUE_DONE: LazyLock<Script> = of_queue!("done");
pub(crate) static QUEUE_LATER: LazyLock<Script> = of_queue!("later");
pub(crate) static QUEUE_PROMOTE: LazyLock<Script> = of_queue!("promote");
pub(crate) static QUEUE_BURY: LazyLock<Script> = of_queue!("bury");
pub(crate) static QUEUE_REPLAY: LazyLock<Script> = of_queue!("replay");
pub(crate) static QUEUE_TIDY: LazyLock<Script> = of_queue!("tidy");

/// A script of kept answers.
macro_rules! of_answer {
    ($name:literal) => {
        LazyLock::new(|| Script::of(&[include_str!(concat!("scripts/answer/", $name, ".lua"))]))
    };
}

pub(crate) static ANSWER_ASK: LazyLock<Script> = of_answer!("ask");
pub(crate) static ANSWER_PUT: LazyLock<Script> = of_answer!("put");
pub(crate) static ANSWER_LEASE: LazyLock<Script> = of_answer!("lease");

/// What each new connection makes Redis remember.
pub(crate) fn all() -> [&'static Script; 12] {
    [
        &*RECORD,
        &*ACQUIRE,
        &*PROBED,
        &*RESTORE,
        &*STEER,
        &*READ,
        &*BUCKET,
        &*GIVE_BACK,
        &*WINDOW,
        &*ENTER,
        &*HOLD,
        &*HEARTBEAT,
    ]
}

/// A script and its hash, by which Redis knows it.
pub(crate) struct Script {
    text: String,
    hash: String,
}

impl Script {
    fn of(parts: &[&str]) -> Self {
        let text = parts.concat();
        let hash = redis::Script::new(&text).get_hash().to_owned();
        Self { text, hash }
    }

    #[cfg(all(test, feature = "testing"))]
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn by_hash(&self, keys: &[String], args: &[Vec<u8>]) -> Cmd {
        Self::call("EVALSHA", &self.hash, keys, args)
    }

    pub(crate) fn by_text(&self, keys: &[String], args: &[Vec<u8>]) -> Cmd {
        Self::call("EVAL", &self.text, keys, args)
    }

    fn call(name: &str, script: &str, keys: &[String], args: &[Vec<u8>]) -> Cmd {
        let mut command = cmd(name);
        command.arg(script).arg(keys.len()).arg(keys).arg(args);
        command
    }

    pub(super) fn load(&self) -> Cmd {
        let mut command = cmd("SCRIPT");
        command.arg("LOAD").arg(&self.text);
        command
    }
}
