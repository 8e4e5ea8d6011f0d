//! The counts of shared limits and bulkheads in Redis: what their seam asks, as scripts.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use redis::{Cmd, Value, cmd};
use steadfast_options::Name;
use tokio::time::{sleep, timeout};

use super::Known;
use super::encode::{Args, nanos_of_micros, number, short, text};
use super::link::{LinkError, LinkRef, LinkState};
use super::scripts::{self, Script};
use crate::breaker::Nanos;
use crate::bulkhead::shared::LEASE;
use crate::clock;
use crate::quota::{
    Account, Counting, GivenBack, Granted, Heard, Hint, Lost, Placed, Reach, Store,
};

/// A probe may have to wait for the link to be made anew.
const LINK_BACK: Duration = Duration::from_millis(500);
/// How long the mark of a probe stays.
const MARK: u64 = 10_000;

/// Limits over one link.
pub(super) struct RedisStore {
    link: LinkRef,
    known: Arc<Known>,
    /// Tells the requests of this instance apart.
    requests: AtomicU64,
}

impl RedisStore {
    pub(super) fn new(link: LinkRef, known: Arc<Known>) -> Self {
        Self {
            link,
            known,
            requests: AtomicU64::new(0),
        }
    }

    /// Names hold no `}`, and keys no `:`.
    fn account(&self, of: &Account) -> String {
        format!("{{{}:rl:{}:{}}}", self.known.prefix, of.limit, of.key)
    }

    fn places(&self, bulkhead: Name) -> String {
        format!("{{{}:bh:{bulkhead}}}", self.known.prefix)
    }

    fn member(&self, number: u64) -> String {
        format!("{}:{number}", self.known.instance)
    }

    fn script<T: 'static>(
        &self,
        script: &'static Script,
        key: String,
        args: Args,
        read: fn(&Value) -> Option<T>,
        heard: Heard<T>,
    ) {
        let link = self.link.clone();
        self.link.spawn(async move {
            let answer = link.script(script, &[key], &args.done()).await;
            heard(match answer {
                Ok(value) => read(&value).ok_or(Lost::Store),
                Err(error) => Err(lost(&error)),
            });
        });
    }

    fn run(&self, command: Cmd) {
        let link = self.link.clone();
        self.link.spawn(async move {
            let _ = link.run(&command).await; // else its lease ends
        });
    }

    /// What a probe writes to.
    fn mark(&self) -> String {
        format!("{{{}:probe}}:{}", self.known.prefix, self.known.instance)
    }
}

/// A number of microseconds with what stands behind the point.
fn exact(nanos: Nanos) -> String {
    format!("{}.{:03}", nanos / 1_000, nanos % 1_000)
}

/// What is kept under one name is no reason to give up all others.
fn lost(error: &LinkError) -> Lost {
    const OF_ALL: [&str; 6] = [
        "CLUSTERDOWN",
        "TRYAGAIN",
        "MOVED",
        "ASK",
        "NOSCRIPT",
        "BUSY",
    ];
    match error {
        LinkError::Refused { code, .. } if !OF_ALL.contains(&code.as_str()) => Lost::This,
        _ => Lost::Store,
    }
}

fn granted(reply: &Value) -> Option<Granted> {
    let Value::Array(fields) = reply else {
        return None;
    };
    let [tokens, wait, left, full_in, mark, returned, at] = &fields[..] else {
        return None;
    };
    let count = |value| u32::try_from(number(value)?).ok();
    let float = |value| text(value)?.parse().ok();
    Some(Granted {
        tokens: count(tokens)?,
        wait: nanos_of_micros(number(wait)?),
        left: count(left)?,
        full_in: nanos_of_micros(number(full_in)?),
        hint: Hint {
            mark: float(mark)?,
            returned: float(returned)?,
            ahead: nanos_of_micros(number(full_in)?),
        },
        at: float(at)?,
    })
}

fn placed(reply: &Value) -> Option<Placed> {
    let Value::Array(fields) = reply else {
        return None;
    };
    let [members, wait] = &fields[..] else {
        return None;
    };
    Some(Placed {
        members: u32::try_from(number(members)?).ok()?,
        wait: nanos_of_micros(number(wait)?),
    })
}

#[allow(clippy::unnecessary_wraps)] // as all that reads replies
fn anything(_: &Value) -> Option<()> {
    Some(())
}

impl Store for RedisStore {
    fn take(&self, of: &Account, counting: Counting, want: u32, hint: Hint, heard: Heard<Granted>) {
        let (script, args) = match counting {
            Counting::Bucket {
                interval,
                tolerance,
                lease,
            } => {
                let args = Args::default().add(exact(interval)).add(exact(tolerance));
                let args = args.add(want).add(hint.mark).add(hint.returned);
                let args = args.add(exact(hint.ahead));
                (
                    &*scripts::BUCKET,
                    args.add(lease.map_or_else(|| "0".into(), exact)),
                )
            }
            Counting::Window { max, per } => {
                let request = self.requests.fetch_add(1, Ordering::Relaxed);
                let args = Args::default().add(max).add(exact(per)).add(want);
                (&*scripts::WINDOW, args.add(self.member(request)))
            }
        };
        self.script(script, self.account(of), args, granted, heard);
    }

    fn give_back(&self, of: &Account, back: GivenBack) {
        let args = Args::default().add(exact(back.interval)).add(back.tokens);
        let args = args.add(back.granted_at).add(exact(back.lease));
        // What comes of it is nobody's business: once is all it is tried.
        self.script(
            &scripts::GIVE_BACK,
            self.account(of),
            args,
            anything,
            Box::new(drop),
        );
    }

    fn enter(&self, bulkhead: Name, max: u32, members: Range<u64>, heard: Heard<Placed>) {
        let args = Args::default().add(max).add(LEASE.as_micros());
        let args = args.add(members.end - members.start);
        let args = members.fold(args, |args, member| args.add(self.member(member)));
        self.script(&scripts::ENTER, self.places(bulkhead), args, placed, heard);
    }

    fn hold(&self, bulkhead: Name, members: Vec<u64>, heard: Heard<()>) {
        let args = Args::default().add(LEASE.as_micros()).add(members.len());
        let members = members.into_iter();
        let args = members.fold(args, |args, member| args.add(self.member(member)));
        self.script(&scripts::HOLD, self.places(bulkhead), args, anything, heard);
    }

    fn leave(&self, bulkhead: Name, member: u64) {
        let mut leave = cmd("ZREM");
        leave.arg(self.places(bulkhead)).arg(self.member(member));
        self.run(leave);
    }

    fn probe(&self, heard: Heard<()>) {
        let (link, key) = (self.link.clone(), self.mark());
        self.link.spawn(async move {
            let mut write = cmd("SET");
            write.arg(&key).arg(1).arg("PX").arg(MARK);
            let written = link.run_apart(&key, &write).await.is_ok();
            heard(if written && serves(&link).await {
                Ok(())
            } else {
                Err(Lost::Store)
            });
        });
    }

    fn after(&self, time: Duration, act: Box<dyn FnOnce() + Send>) {
        self.link.spawn(async move {
            sleep(time).await;
            act();
        });
    }

    fn instances(&self) -> u32 {
        self.known.size()
    }

    fn place(&self) -> &str {
        self.link.server()
    }

    fn name_of(&self, key: &str) -> Box<str> {
        short(key)
    }
}

/// The probe has a connection of its own; others need the link's, which may be dead though the server is well,
/// and is given up for a new one when it does not answer.
async fn serves(link: &LinkRef) -> bool {
    let mut state = link.state();
    let up = state.wait_for(|state| matches!(state, LinkState::Up(_)));
    matches!(timeout(LINK_BACK, up).await, Ok(Ok(_))) && link.run(&cmd("PING")).await.is_ok()
}

/// Tells limits when the link goes, so that no call has to find out, and when there is a new one.
pub(super) async fn watch(link: LinkRef, reach: Weak<Reach>) {
    let mut state = link.state();
    loop {
        let now = state.borrow_and_update().clone();
        let Some(reach) = reach.upgrade() else { return };
        match now {
            LinkState::Down(_) => reach.lose(clock::precise()),
            LinkState::Up(_) => reach.probe_now(),
            LinkState::Starting => {}
        }
        drop(reach);
        if state.changed().await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_keep_what_stands_behind_the_point() {
        assert_eq!(exact(8_571_428_572), "8571428.572");
        assert_eq!(exact(1_000), "1.000");
        assert_eq!(exact(7), "0.007");
    }
}
