//! A breaker on a store whose clock the test sets: simulated, or a real server whose scripts read
//! the time from an argument. Each rule is held on both.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use steadfast_protocol_tests::breaker::{Answer, Rules, SECOND, Script, args, keys};
use steadfast_protocol_tests::{Reply, SimScript, SimStore};
use steadfast_rig::{Client, Server};

/// 2027-01-15, as a server's clock might say it.
pub(crate) const START: u64 = 1_800_000_000 * SECOND;

pub(crate) trait Store {
    fn set_time(&self, micros: u64);
    fn run(&self, script: Script, keys: &[&str], args: &[&str]) -> Reply;
    fn command(&self, words: &[&str]) -> Reply;
    /// What was announced since this was last asked.
    fn announced(&self) -> Vec<String>;
}

pub(crate) struct Simulated {
    pub(crate) store: SimStore,
    scripts: Vec<SimScript>,
}

impl Simulated {
    pub(crate) fn new() -> Self {
        Self::of(SimStore::new())
    }

    pub(crate) fn of(store: SimStore) -> Self {
        let scripts = Script::ALL.map(|script| store.script(script.source()).unwrap());
        Self {
            store,
            scripts: scripts.into(),
        }
    }
}

impl Store for Simulated {
    fn set_time(&self, micros: u64) {
        self.store.set_time(micros);
    }

    fn run(&self, script: Script, keys: &[&str], args: &[&str]) -> Reply {
        self.store.run(&self.scripts[script as usize], keys, args)
    }

    fn command(&self, words: &[&str]) -> Reply {
        self.store.command(words)
    }

    fn announced(&self) -> Vec<String> {
        self.store
            .published()
            .into_iter()
            .map(|published| published.message)
            .collect()
    }
}

/// Stands before each script on a real server: the time comes from the last argument, and what is
/// published is kept as well.
pub(crate) const SHIM: &str = r"
    local redis = (function(server)
        local function shimmed(call)
            return function(name, ...)
                if name == 'TIME' then
                    local time = ARGV[#ARGV]
                    return { string.sub(time, 1, -7), string.sub(time, -6) }
                end
                if name == 'PUBLISH' then call('RPUSH', 'published', (select(2, ...))) end
                return call(name, ...)
            end
        end
        return { call = shimmed(server.call), pcall = shimmed(server.pcall) }
    end)(redis)
";

pub(crate) struct Real {
    pub(crate) server: Server,
    client: RefCell<Client>,
    scripts: Vec<String>,
    time: Cell<u64>,
}

impl Real {
    pub(crate) fn new() -> Self {
        let server = Server::start();
        let mut client = server.client().unwrap();
        let scripts = Script::ALL.map(|script| {
            let source = format!("{SHIM}{}", script.source());
            client.command(&["SCRIPT", "LOAD", &source]).unwrap().text()
        });
        Self {
            server,
            client: RefCell::new(client),
            scripts: scripts.into(),
            time: Cell::new(0),
        }
    }

    fn announcements(&self) -> Vec<String> {
        let all = self.command(&["LRANGE", "published", "0", "-1"]);
        let _ = self.command(&["DEL", "published"]);
        all.items().iter().map(Reply::text).collect()
    }
}

impl Store for Real {
    fn set_time(&self, micros: u64) {
        self.time.set(micros);
    }

    fn run(&self, script: Script, keys: &[&str], args: &[&str]) -> Reply {
        let (count, time) = (keys.len().to_string(), self.time.get().to_string());
        let mut words = vec!["EVALSHA", &self.scripts[script as usize], &count];
        words.extend(keys.iter().chain(args));
        words.push(&time);
        self.command(&words)
    }

    fn command(&self, words: &[&str]) -> Reply {
        self.client.borrow_mut().command(words).unwrap()
    }

    fn announced(&self) -> Vec<String> {
        self.announcements()
    }
}

/// A breaker named `x`, as instances see it.
pub(crate) struct Breaker<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) rules: Rules,
    name: &'static str,
    now: Cell<u64>,
}

/// Holds a rule on both stores.
pub(crate) fn on_each_store(rules: &Rules, test: impl Fn(&Breaker<'_>)) {
    let (simulated, real) = (Simulated::new(), Real::new());
    for store in [&simulated as &dyn Store, &real] {
        test(&Breaker::new(store, rules.clone()));
    }
}

impl<'a> Breaker<'a> {
    pub(crate) fn new(store: &'a dyn Store, rules: Rules) -> Self {
        let breaker = Self {
            store,
            rules,
            name: "x",
            now: Cell::new(0),
        };
        breaker.set_time(START);
        breaker
    }

    /// The same breaker, in the eyes of an instance with other rules.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Rules)) -> Self {
        let mut rules = self.rules.clone();
        change(&mut rules);
        let now = self.now.clone();
        Self {
            store: self.store,
            rules,
            name: self.name,
            now,
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    pub(crate) fn set_time(&self, micros: u64) {
        self.now.set(micros);
        self.store.set_time(micros);
    }

    pub(crate) fn pass(&self, micros: u64) {
        self.set_time(self.now.get() + micros);
    }

    pub(crate) fn try_run(&self, script: Script, own: &[&str]) -> Result<Answer, Reply> {
        let (keys, args) = (keys(self.name), args(self.name, &self.rules, own));
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Answer::of(self.store.run(script, &keys, &args))
    }

    pub(crate) fn run(&self, script: Script, own: &[&str]) -> Answer {
        self.try_run(script, own)
            .unwrap_or_else(|reply| panic!("{script:?} {own:?}: {reply}"))
    }

    /// Sends a batch of the epoch given: all calls, failed, slow.
    pub(crate) fn record(&self, epoch: i64, instance: &str, seq: u64, counts: [u64; 3]) -> Answer {
        let [calls, failed, slow] = counts.map(|count| count.to_string());
        let (epoch, seq) = (epoch.to_string(), seq.to_string());
        self.run(
            Script::Record,
            &[&epoch, instance, &seq, &calls, &failed, &slow],
        )
    }

    /// So many failures in the epoch that is current, and in a batch of their own.
    pub(crate) fn fail(&self, instance: &str, failures: u64) -> Answer {
        let (epoch, seq) = (self.read().epoch, self.now.get());
        self.record(epoch, instance, seq, [failures, failures, 0])
    }

    pub(crate) fn acquire(&self, instance: &str) -> Answer {
        self.run(Script::Acquire, &[instance])
    }

    pub(crate) fn probed(&self, token: &str, outcome: &str) -> Answer {
        self.run(Script::Probed, &[token, outcome])
    }

    pub(crate) fn restore(
        &self,
        epoch: i64,
        state: i64,
        left: u64,
        opens: u64,
        lock: &str,
    ) -> Answer {
        let (epoch, state) = (epoch.to_string(), state.to_string());
        let (left, opens) = (left.to_string(), opens.to_string());
        self.run(Script::Restore, &[&epoch, &state, &left, &opens, lock])
    }

    pub(crate) fn steer(&self, action: &str) -> Answer {
        self.run(Script::Steer, &[action])
    }

    pub(crate) fn read(&self) -> Answer {
        self.run(Script::Read, &[])
    }

    /// The fields of one of the four keys, by its letter.
    pub(crate) fn fields(&self, key: &str) -> BTreeMap<String, String> {
        let reply = self.store.command(&["HGETALL", &self.key(key)]);
        reply
            .items()
            .chunks_exact(2)
            .map(|pair| (pair[0].text(), pair[1].text()))
            .collect()
    }

    pub(crate) fn key(&self, key: &str) -> String {
        format!("{{steadfast:cb:{}}}:{key}", self.name)
    }

    /// Opens it, and passes the time until it is due.
    pub(crate) fn open_and_due(&self) {
        self.fail("a0", self.rules.failures);
        self.pass(self.rules.recovery);
    }
}
