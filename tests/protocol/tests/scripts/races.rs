//! Scripts as they are, on a real server with its own clock, from many connections at once.

use std::sync::Barrier;
use std::thread;

use steadfast_protocol_tests::breaker::{Answer, HALF_OPEN, OPEN, Rules, Script, args, keys};
use steadfast_rig::{Client, Server};

fn call(client: &mut Client, script: Script, rules: &Rules, own: &[&str]) -> Answer {
    let (keys, args) = (keys("x"), args("x", rules, own));
    let mut words = vec!["EVAL", script.source(), "4"];
    words.extend(keys.iter().chain(&args).map(String::as_str));
    Answer::of(client.command(&words).unwrap())
        .unwrap_or_else(|reply| panic!("{script:?}: {reply}"))
}

/// What each of so many threads gets, all at once.
fn race<T: Send>(
    server: &Server,
    racers: usize,
    run: impl Fn(usize, &mut Client) -> T + Sync,
) -> Vec<T> {
    let (start, run) = (Barrier::new(racers), &run);
    thread::scope(|scope| {
        let start = &start;
        let racers = (0..racers).map(|racer| {
            scope.spawn(move || {
                let mut client = server.client().unwrap();
                start.wait();
                run(racer, &mut client)
            })
        });
        let racers: Vec<_> = racers.collect();
        racers
            .into_iter()
            .map(|racer| racer.join().unwrap())
            .collect()
    })
}

fn opened(server: &Server, rules: &Rules) -> (Client, Answer) {
    let mut client = server.client().unwrap();
    let failures = rules.failures.to_string();
    let own = ["0", "a0", "1", &failures, &failures, "0"];
    let answer = call(&mut client, Script::Record, rules, &own);
    assert_eq!(answer.state, OPEN);
    (client, answer)
}

#[test]
fn two_hundred_racers_get_exactly_three_leases() {
    let rules = Rules {
        half_open: 3,
        recovery: 1,
        ..Rules::default()
    };
    let server = Server::start();
    let (_, opened) = opened(&server, &rules);
    let answers = race(&server, 200, |racer, client| {
        call(client, Script::Acquire, &rules, &[&format!("{racer:016x}")])
    });
    let tokens: Vec<_> = answers
        .iter()
        .filter(|answer| !answer.extra.is_empty())
        .collect();
    assert_eq!(tokens.len(), 3);
    assert!(
        answers
            .iter()
            .all(|answer| answer.state == HALF_OPEN && answer.epoch == answers[0].epoch)
    );
    assert!(answers[0].epoch > opened.epoch);
}

#[test]
fn a_thousand_late_failures_of_an_old_epoch_are_void() {
    let rules = Rules::default();
    let server = Server::start();
    let (mut client, opened) = opened(&server, &rules);
    let reset = call(&mut client, Script::Steer, &rules, &["reset"]);
    let void = race(&server, 20, |racer, client| {
        let instance = format!("{racer:016x}");
        let mut late = |seq: usize| {
            let (epoch, seq) = (opened.epoch.to_string(), seq.to_string());
            call(
                client,
                Script::Record,
                &rules,
                &[&epoch, &instance, &seq, "5", "5", "0"],
            )
        };
        (1..=50).filter(|seq| late(*seq).extra == "0").count()
    });
    assert_eq!(void.iter().sum::<usize>(), 1000);
    let after = call(&mut client, Script::Read, &rules, &[]);
    assert_eq!((after.epoch, after.failures), (reset.epoch, 0));
}

#[test]
fn of_two_restores_one_writes() {
    let rules = Rules::default();
    let server = Server::start();
    let (_, opened) = opened(&server, &rules);
    for _ in 0..50 {
        let _ = server.command(&["FLUSHALL"]);
        let epoch = opened.epoch.to_string();
        let answers = race(&server, 2, |_, client| {
            call(
                client,
                Script::Restore,
                &rules,
                &[&epoch, "1", "9000000", "1", ""],
            )
        });
        let wrote = answers.iter().filter(|answer| answer.extra == "1").count();
        assert_eq!(wrote, 1);
    }
}

#[test]
fn failures_of_many_at_once_open_it_once_and_none_is_lost_before() {
    let rules = Rules {
        failures: 400,
        ..Rules::default()
    };
    let server = Server::start();
    let answers = race(&server, 40, |racer, client| {
        let instance = format!("{racer:016x}");
        let batches = (1..=10).map(|seq: u32| {
            call(
                client,
                Script::Record,
                &rules,
                &["0", &instance, &seq.to_string(), "1", "1", "0"],
            )
        });
        batches.collect::<Vec<_>>()
    });
    let all: Vec<_> = answers.iter().flatten().collect();
    assert!(all.iter().all(|answer| answer.extra == "1"));
    let open: Vec<_> = all.iter().filter(|answer| answer.state == OPEN).collect();
    assert_eq!(open.len(), 1, "the 400th, and no other");
    assert_eq!((open[0].failures, open[0].opens), (400, 1));
}
