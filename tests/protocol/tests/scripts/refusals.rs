//! Servers that refuse, and keys that are not ours.

use crate::stores::{Breaker, Real, Simulated, Store, on_each_store};
use steadfast_protocol_tests::breaker::{OPEN, Rules, Script, args, keys};
use steadfast_protocol_tests::{Reply, SimStore};

const CALLS: [(Script, &[&str]); 6] = [
    (Script::Record, &["0", "a0", "1", "9", "9", "0"]),
    (Script::Acquire, &["a0"]),
    (Script::Probed, &["1.1", "ok"]),
    (Script::Restore, &["1700000000000000", "1", "5", "1", ""]),
    (Script::Steer, &["reset"]),
    (Script::Read, &[]),
];

fn code(reply: &Reply) -> &str {
    reply
        .error()
        .and_then(|error| error.split(' ').next())
        .unwrap_or_default()
}

#[test]
fn a_key_of_another_type_is_an_error_that_changes_and_deletes_nothing() {
    for key in ["s", "w", "q", "f"] {
        on_each_store(&Rules::default(), |breaker| {
            let key = breaker.key(key);
            let _ = breaker.store.command(&["RPUSH", &key, "not ours"]);
            for (script, own) in CALLS {
                let reply = breaker.try_run(script, own).unwrap_err();
                assert_eq!(code(&reply), "WRONGTYPE", "{script:?} with {key}: {reply}");
            }
            assert_eq!(
                breaker.store.command(&["RPUSH", &key, "nor this"]),
                Reply::Int(2)
            );
            let _ = breaker.store.command(&["DEL", &key]);
            for key in ["s", "w", "q", "f"] {
                assert!(breaker.fields(key).is_empty(), "{key}");
            }
        });
    }
}

#[test]
fn fields_that_nobody_of_us_wrote_do_no_harm() {
    on_each_store(&Rules::default(), |breaker| {
        let (state, ring) = (breaker.key("s"), breaker.key("w"));
        let _ = breaker.store.command(&[
            "HSET", &state, "st", "x", "ep", "?", "p1", "junk", "lock", "mine",
        ]);
        let _ = breaker
            .store
            .command(&["HSET", &ring, "b0", "1:2", "other", "1:2:3:4"]);
        let _ = breaker
            .store
            .command(&["HSET", &breaker.key("q"), "a0", "junk"]);
        let _ = breaker
            .store
            .command(&["HSET", &breaker.key("f"), "a0", "junk"]);
        assert_eq!(breaker.fail("a0", 5).state, OPEN);
    });
}

/// A real server that refuses writes, by whatever means, and is as it was afterwards.
fn refuses(code_of_error: &str, begin: &[&str], end: &[&str]) {
    let store = Real::new();
    let breaker = Breaker::new(&store, Rules::default());
    breaker.fail("b0", 4);
    let before = (
        breaker.fields("s"),
        breaker.fields("w"),
        breaker.fields("q"),
    );
    let _ = store.server.command(begin);
    for (script, own) in CALLS {
        match breaker.try_run(script, own) {
            Err(reply) => assert_eq!(code(&reply), code_of_error, "{script:?}: {reply}"),
            Ok(_) => assert!(
                matches!(script, Script::Acquire | Script::Probed | Script::Read),
                "{script:?} has something to write"
            ),
        }
    }
    assert_eq!(
        (
            breaker.fields("s"),
            breaker.fields("w"),
            breaker.fields("q")
        ),
        before
    );
    let _ = store.server.command(end);
    assert_eq!(breaker.fail("a0", 1).state, OPEN);
}

#[test]
fn a_full_server_refuses_before_anything_is_changed() {
    refuses(
        "OOM",
        &["CONFIG", "SET", "maxmemory", "1"],
        &["CONFIG", "SET", "maxmemory", "0"],
    );
}

#[test]
fn a_replica_refuses_before_anything_is_changed() {
    refuses(
        "READONLY",
        &["REPLICAOF", "127.0.0.1", "1"],
        &["REPLICAOF", "NO", "ONE"],
    );
}

#[test]
fn an_error_has_its_code_first_on_an_old_redis_too() {
    let store = Simulated::of(SimStore::like_redis_6());
    let breaker = Breaker::new(&store, Rules::default());
    for error in [
        "OOM command not allowed",
        "READONLY You can't write",
        "MISCONF of disks",
    ] {
        store.store.refuse_writes(Some(error));
        let reply = breaker.try_run(Script::Steer, &["reset"]).unwrap_err();
        assert_eq!(reply.error(), Some(error));
    }
    store.store.refuse_writes(None);
    let _ = store.command(&["RPUSH", &breaker.key("s"), "not ours"]);
    let reply = breaker.try_run(Script::Read, &[]).unwrap_err();
    assert_eq!(code(&reply), "WRONGTYPE");
}

#[test]
fn whoever_may_not_publish_still_decides() {
    let store = Real::new();
    let acl = ["ACL", "SETUSER", "default", "resetchannels"];
    assert_eq!(store.server.command(&acl).error(), None);
    let breaker = Breaker::new(&store, Rules::default());
    assert_eq!(breaker.fail("a0", 5).state, OPEN);
}

/// As `docs/shared-state.md` gives them.
const RIGHTS: [&str; 8] = [
    "~{steadfast:*",
    "&steadfast:cb",
    "+@read",
    "+@write",
    "+@scripting",
    "+@connection",
    "+@pubsub",
    "+time",
];

#[test]
fn the_rights_that_the_docs_name_are_enough() {
    let docs = include_str!("../../../../docs/shared-state.md");
    let missing = RIGHTS.iter().find(|right| !docs.contains(**right));
    assert_eq!(missing, None, "the docs do not name it");
    let store = Real::new();
    let user = ["ACL", "SETUSER", "fleet", "on", ">secret"]
        .iter()
        .chain(&RIGHTS);
    let user: Vec<&str> = user.copied().collect();
    assert_eq!(store.server.command(&user).error(), None);
    let mut client = store.server.client().unwrap();
    let login = client.command(&["AUTH", "fleet", "secret"]).unwrap();
    assert_eq!(login.error(), None);
    for (script, own) in CALLS {
        let (keys, args) = (keys("x"), args("x", &Rules::default(), own));
        let mut words = vec!["EVAL", script.source(), "4"];
        words.extend(keys.iter().chain(&args).map(String::as_str));
        let reply = client.command(&words).unwrap();
        assert_eq!(reply.error(), None, "{script:?}");
    }
    let refused = store.server.command(&["ACL", "LOG"]);
    assert_eq!(refused.items(), [], "not even what a script lets pass");
}
