//! A Redis of one process and one thread, whose clock stands where it was set.

mod data;
mod lua;

use std::cell::RefCell;
use std::rc::Rc;

use mlua::Lua;
use steadfast_rig::Reply;

use data::Data;
use lua::Age;

/// What a script published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The channel.
    pub channel: String,
    /// The message.
    pub message: String,
}

/// A script, compiled.
#[derive(Clone, Debug)]
pub struct SimScript(mlua::Function);

/// Runs the real scripts, in the Lua that Redis has, over the few commands that they use. Data are
/// hashes with an expiry; time passes only by [`set_time`](Self::set_time).
///
/// A test holds it against a real server: the same calls, the same replies, the same data.
#[derive(Debug)]
pub struct SimStore {
    lua: Lua,
    data: Rc<RefCell<Data>>,
}

impl SimStore {
    /// An empty store at time 0.
    ///
    /// # Panics
    ///
    /// Where Lua itself fails.
    #[must_use]
    pub fn new() -> Self {
        Self::of_age(Age::New)
    }

    /// One that raises errors in scripts as Redis 6.2 does.
    ///
    /// # Panics
    ///
    /// Where Lua itself fails.
    #[must_use]
    pub fn like_redis_6() -> Self {
        Self::of_age(Age::Old)
    }

    fn of_age(age: Age) -> Self {
        let data = Rc::new(RefCell::new(Data::default()));
        let lua = lua::open(&data, age);
        let lua = lua.unwrap_or_else(|error| panic!("Lua does not start: {error}"));
        Self { lua, data }
    }

    /// What `TIME` says, in microseconds since 1970. It may go back.
    pub fn set_time(&self, micros: u64) {
        self.data.borrow_mut().now = micros;
    }

    /// What `TIME` says.
    #[must_use]
    pub fn time(&self) -> u64 {
        self.data.borrow().now
    }

    /// From now on whatever writes is refused with this error, whose code comes first.
    pub fn refuse_writes(&self, error: Option<&str>) {
        self.data.borrow_mut().refused = error.map(str::to_owned);
    }

    /// One command.
    #[must_use]
    pub fn command(&self, words: &[&str]) -> Reply {
        self.data.borrow_mut().call(words)
    }

    /// Compiles a script; as with `SCRIPT LOAD`, one with a syntax error is one.
    ///
    /// # Errors
    ///
    /// The compiler's.
    pub fn script(&self, source: &str) -> Result<SimScript, String> {
        let function = self
            .lua
            .load(source)
            .set_name("@user_script")
            .into_function();
        function.map(SimScript).map_err(|error| error.to_string())
    }

    /// Runs a script as `EVALSHA` does.
    #[must_use]
    pub fn run(&self, script: &SimScript, keys: &[&str], args: &[&str]) -> Reply {
        self.data.borrow_mut().scripts += 1;
        lua::run(&self.lua, &script.0, keys, args)
            .unwrap_or_else(|error| Reply::Error(format!("ERR {error}")))
    }

    /// What was published since this was last asked.
    #[must_use]
    pub fn published(&self) -> Vec<Published> {
        std::mem::take(&mut self.data.borrow_mut().published)
    }

    /// All that is stored and not expired: each key's fields in order, as text.
    #[must_use]
    pub fn dump(&self) -> Vec<(String, Vec<(String, String)>)> {
        self.data.borrow_mut().dump()
    }

    /// Calls of scripts so far.
    #[must_use]
    pub fn scripts_run(&self) -> u64 {
        self.data.borrow().scripts
    }

    /// Commands so far that scripts called: what a script costs the server.
    #[must_use]
    pub fn commands_run(&self) -> u64 {
        self.data.borrow().commands
    }

    /// Forgets all, time included, and keeps compiled scripts.
    pub fn reset(&self) {
        *self.data.borrow_mut() = Data::default();
    }
}

impl Default for SimStore {
    fn default() -> Self {
        Self::new()
    }
}
