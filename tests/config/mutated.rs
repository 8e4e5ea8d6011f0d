//! Files as slips and faulty disks leave them: whatever they hold, they are sound, or every fault
//! has its place; nothing panics, and nothing takes long.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use steadfast::testing::check_config;
use steadfast::{Registry, resilient};
use steadfast_tests::Failure;

#[resilient(
    name = "config.mutated",
    breaker = "config.mutated",
    rate_limit = "config.mutated",
    bulkhead = "config.mutated",
    retry,
    timeout = "5s"
)]
async fn call() -> Result<(), Failure> {
    Ok(())
}

const CORPUS: [(&str, &str); 5] = [
    (
        "a.toml",
        "[defaults]\nretry.base = '2s'\n[defaults.breaker]\nwindow = \"30s\"\n\
         [breaker.'config.mutated']\nfailure_rate = '50%'\nmin_calls = 7\nwindow_calls = 0x10\n\
         [call.\"config.mutated\"]\ntimeout = \"2s\"\nretry = { max = 5, on = ['timeout'], jitter = 0.25 }\n",
    ),
    (
        "a.toml",
        "# a comment: é\nrate_limit.'config.mutated' = { max = 5, per = '1m' }\n\
         call.'config.mutated' = { breaker.guards = 'call', bulkhead = 'config.mutated' }\n",
    ),
    (
        "a.yaml",
        "defaults: {retry: {base: 2s}}\nbase: &b\n  failures: 3\nbreaker:\n  config.mutated:\n    \
         recovery: \"9s\"\n    counting: window\ncall:\n  'config.mutated':\n    timeout: 1.5s\n    \
         retry:\n      on: [transient, timeout]\n      max: 4\n",
    ),
    (
        "a.yaml",
        "---\nbreaker:\n  config.mutated: &one {failures: 3, window: none}\nbulkhead:\n  \
         config.mutated: {max: 3, queue: 0}\nx: *one\n...\n",
    ),
    (
        "a.json",
        "{\"$schema\": \"steadfast.schema.json\", \"breaker\": {\"config.mutated\": {\"failures\": 3, \
         \"recovery\": \"10s\"}},\n \"call\": {\"config.mutated\": {\"retry\": {\"on\": [\"timeout\"], \
         \"jitter\": 2.5e-1}}}}",
    ),
];

const PIECES: [&str; 24] = [
    "\"",
    "'",
    "{",
    "}",
    "[",
    "]",
    "\n",
    "\t",
    " ",
    "=",
    ":",
    ",",
    "&a",
    "*a",
    "- ",
    "null",
    "-1",
    "1e999",
    "\u{feff}",
    "\u{0}",
    "é",
    "99999999999999999999",
    "[[[[[[[[",
    "? ",
];

#[derive(Clone, Debug)]
enum Slip {
    Flip(usize, u8),
    Cut(usize, usize),
    Repeat(usize, usize),
    Insert(usize, usize),
}

fn slip() -> impl Strategy<Value = Slip> {
    let at = 0..400_usize;
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, bits)| Slip::Flip(at, bits)),
        (at.clone(), 1..40_usize).prop_map(|(at, length)| Slip::Cut(at, length)),
        (at.clone(), 1..40_usize).prop_map(|(at, length)| Slip::Repeat(at, length)),
        (at, 0..PIECES.len()).prop_map(|(at, piece)| Slip::Insert(at, piece)),
    ]
}

fn apply(bytes: &mut Vec<u8>, slip: &Slip) {
    let place = |at: usize| at % bytes.len().max(1);
    match *slip {
        Slip::Flip(at, bits) => {
            let at = place(at);
            bytes.get_mut(at).into_iter().for_each(|byte| *byte ^= bits);
        }
        Slip::Cut(at, length) => {
            let at = place(at).min(bytes.len());
            bytes.drain(at..(at + length).min(bytes.len()));
        }
        Slip::Repeat(at, length) => {
            let at = place(at).min(bytes.len());
            let part = bytes[at..(at + length).min(bytes.len())].to_vec();
            bytes.splice(at..at, part);
        }
        Slip::Insert(at, piece) => {
            let at = place(at).min(bytes.len());
            bytes.splice(at..at, PIECES[piece].bytes());
        }
    }
}

/// Faults, each of which begins with its place.
fn check(name: &str, bytes: &[u8]) -> usize {
    static APART: LazyLock<Registry> = LazyLock::new(|| {
        let apart = Registry::new();
        apart.know_only("config.mutated");
        apart
    });
    let began = Instant::now();
    let Err(error) = APART.scope_blocking(|| check_config(name, bytes)) else {
        return 0;
    };
    for fault in error.faults() {
        let (at, message) = fault.split_once(": ").expect(fault);
        let mut parts = at.split(':');
        assert_eq!(parts.next(), Some(name), "{fault}");
        assert!(
            parts.all(|part| part.parse::<u32>().is_ok_and(|n| n > 0)),
            "{fault}"
        );
        assert!(message.len() > 3, "{fault}");
    }
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    error.faults().count()
}

#[tokio::test]
async fn the_corpus_itself_has_no_fault_but_two_that_are_meant() {
    call().await.unwrap();
    let faults = CORPUS.map(|(name, text)| check(name, text.as_bytes()));
    assert_eq!(faults, [0, 0, 1, 1, 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn mutated_files_are_sound_or_have_faults_with_places(
        which in 0..CORPUS.len(),
        slips in proptest::collection::vec(slip(), 1..6),
    ) {
        let (name, text) = CORPUS[which];
        let mut bytes = text.as_bytes().to_vec();
        slips.iter().for_each(|slip| apply(&mut bytes, slip));
        check(name, &bytes);
    }

    #[test]
    fn any_bytes_are_sound_or_have_faults_with_places(
        format in 0..3_usize,
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        check(["a.toml", "a.yaml", "a.json"][format], &bytes);
    }
}

// What asks for much work or deep recursion is refused in bounded time.
#[test]
fn files_made_to_exhaust_are_refused_in_time() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let laugh = |n: u32| {
        format!(
            "a{n}: &a{n} [{}]\n",
            format!("*a{}, ", n - 1).repeat(9) + "x"
        )
    };
    let laughs: Vec<String> = (1..20).map(laugh).collect();
    let laughs = laughs.concat();
    for (name, text) in [
        ("a.toml", format!("a = {}", deep("[", "]"))),
        ("a.toml", format!("{} = 1", "a.".repeat(100_000) + "a")),
        ("a.json", deep("[", "]")),
        ("a.json", deep("{\"a\":", "}")),
        ("a.yaml", deep("[", "]")),
        ("a.yaml", deep("{a: ", "}")),
        ("a.yaml", format!("a0: &a0 x\n{laughs}")),
        ("a.yaml", "- ".repeat(200_000)),
        ("a.yaml", "a:\n ".repeat(50_000)),
        ("a.json", format!("{{{}}}", "\"a\":1,".repeat(100_000))),
    ] {
        assert!(check(name, text.as_bytes()) > 0, "{}", &text[..20]);
    }
}
