//! The last good answer of the fleet.

use std::sync::Arc;
use std::time::Duration;

use super::{Form, SharedKey, Spot};
use crate::answers::{Answer, Answerable, LastGood};
use crate::breaker::Nanos;
use crate::call::Call;
use crate::clock;
use crate::keys::Key;
use crate::policy::Resolved;
use crate::shared::answers::Reply;

/// After it was asked, how long memory serves without asking Redis again: an outage is no reason to ask for
/// each call that fails.
const QUIET: Duration = Duration::from_secs(1);

/// Keeps a good answer, here and, behind the caller, for all instances.
pub fn keep_shared<T: Answerable>(
    call: &Call<'_>,
    key: &SharedKey,
    value: &T,
    weigh: impl FnOnce(&T) -> u32,
    form: Form<T>,
) {
    let Some(last_good) = call.last_good() else {
        return;
    };
    let answer = Answer::new(value, weigh(value));
    last_good.answers.put(key.key.typed::<T>(), answer.clone());
    if last_good.shares
        && let Some(spot) = last_good.shelf.spot(key.text.clone(), form)
    {
        spot.put(answer, last_good.ttl);
    }
}

/// The last good answer of any instance, where there is one that is not too old.
pub fn last_good_shared<T: Answerable>(
    call: &Call<'static>,
    key: SharedKey,
    form: Form<T>,
) -> impl Future<Output = Option<T>> + use<T> {
    let policy = call.policy_ref();
    async move {
        let (looking, spot) = looking(policy.resolved(), key, form)?;
        let Some(spot) = spot else {
            return looking.end();
        };
        let asked = clock::precise();
        let reply = spot.ask(None).await;
        looking.hear(&spot, reply, asked)
    }
}

/// As [`last_good_shared`], for a sync function, which parks.
pub fn last_good_shared_blocking<T: Answerable>(
    call: &Call<'_>,
    key: SharedKey,
    form: Form<T>,
) -> Option<T> {
    let (looking, spot) = looking(call.policy(), key, form)?;
    let Some(spot) = spot else {
        return looking.end();
    };
    let asked = clock::precise();
    let reply = spot.ask_blocking(None);
    looking.hear(&spot, reply, asked)
}

/// What memory has, and where Redis may have a later one.
struct Looking<'p> {
    policy: &'p Resolved,
    last_good: &'p LastGood,
    key: Key,
    own: Option<Arc<Answer>>,
}

fn looking<T: Answerable>(
    policy: &Resolved,
    key: SharedKey,
    form: Form<T>,
) -> Option<(Looking<'_>, Option<Spot<T>>)> {
    let last_good = policy.last_good.as_ref()?;
    let SharedKey { key, text } = key;
    let key = key.typed::<T>();
    let own = last_good.answer(key);
    let asks = last_good.shares && own.as_ref().is_none_or(|own| own.be_quiet(QUIET));
    let spot = asks.then(|| last_good.shelf.spot(text, form)).flatten();
    let looking = Looking {
        policy,
        last_good,
        key,
        own,
    };
    Some((looking, spot))
}

impl Looking<'_> {
    fn hear<T: Answerable>(
        mut self,
        spot: &Spot<T>,
        reply: Option<Reply>,
        asked: Nanos,
    ) -> Option<T> {
        let kept = reply.and_then(|reply| reply.kept);
        if let Some(theirs) = kept.and_then(|kept| spot.read(&kept, asked)) {
            let ttl = self.last_good.ttl;
            let is_younger = |own: &Arc<Answer>| theirs.at > own.at;
            if theirs.age(ttl) < ttl && self.own.as_ref().is_none_or(is_younger) {
                spot.took();
                theirs.be_quiet(QUIET);
                self.last_good.answers.put(self.key, theirs.clone());
                self.own = Some(theirs);
            }
        }
        self.end()
    }

    fn end<T: Answerable>(self) -> Option<T> {
        let value = self.own?.value()?;
        self.policy.report_fallback();
        Some(value)
    }
}
