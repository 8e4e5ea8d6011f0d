//! What the attribute compiles to, and what it says where it can't.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use steadfast_options::{POLICIES, Served};

/// Both in one run, which builds the dependencies once.
///
/// The compiler's words change from release to release, so they are compared only on the one they
/// were recorded with. To record them anew: `TRYBUILD=overwrite cargo test -p steadfast-tests ui::`
/// with that compiler's version in `ui/fail/RUSTC`.
#[test]
fn every_kind_of_function_compiles_and_every_mistake_is_told_in_the_words_recorded() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    let recorded = fs::read_to_string(folder().join("fail/RUSTC")).unwrap();
    let (recorded, running) = (recorded.trim(), compiler());
    if running == recorded {
        cases.compile_fail("ui/fail/*.rs");
    } else {
        eprintln!(
            "skipped: the words in ui/fail were recorded with rustc {recorded}, and this is {running}"
        );
    }
}

#[test]
fn every_served_option_has_a_case_that_fails() {
    let options = POLICIES.iter().flat_map(|policy| policy.options);
    let missing: Vec<String> = options
        .filter(|option| option.served == Served::Yes)
        .map(|option| format!("{}.rs", option.path.replace('.', "_")))
        .filter(|file| !folder().join("fail").join(file).is_file())
        .collect();
    assert!(missing.is_empty(), "tests/ui/fail lacks {missing:?}");
}

#[test]
fn every_case_that_fails_has_its_words_recorded_and_they_name_no_machine() {
    for entry in fs::read_dir(folder().join("fail")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let words = fs::read_to_string(path.with_extension("stderr"))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(words.contains("error"), "{}: {words}", path.display());
        let absolute = words.lines().find(|line| line.contains("--> /"));
        assert_eq!(absolute, None, "{}", path.display());
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ui")
}

/// The version of the compiler that the cases will meet, such as `1.95.0`.
fn compiler() -> String {
    let output = Command::new("rustc").arg("--version").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    version.split(' ').nth(1).unwrap_or_default().to_owned()
}
