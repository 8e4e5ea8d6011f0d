//! Files and variables with something wrong: each gives one clear report, and changes nothing.

mod files;
mod variables;

use std::fs;

use steadfast::{Origin, UnknownNames, registry, resilient};
use steadfast_tests::{Dependency, Failure, site};

use super::Apart;
use files::FILES;
use variables::VARIABLES;

#[resilient(
    name = "config.wrong.call",
    breaker = "config.wrong",
    retry(max = 2),
    deadline = "5s"
)]
async fn call(dependency: &Dependency) -> Result<usize, Failure> {
    dependency.ask().await
}

#[resilient(name = "config.wrong.bare")]
async fn bare() -> Result<(), Failure> {
    Ok(())
}

#[resilient(name = "config.wrong.sync")]
fn sync() -> Result<(), Failure> {
    Ok(())
}

#[tokio::test]
async fn each_wrong_file_gives_one_clear_report_and_changes_nothing() {
    for (file, text, report) in FILES {
        let apart = Apart::of("config.wrong");
        assert_eq!(apart.faults(file, text).await, [placed(report)], "{text}");
        nothing_changed(&apart).await;
    }
}

/// A report, with the place of each function that it names.
fn placed(report: &str) -> String {
    let names = ["call", "bare", "sync"];
    names.iter().fold(report.to_owned(), |report, name| {
        let site = site(&format!("config.wrong.{name}"));
        let place = format!("{}:{}", site.file(), site.line());
        report.replace(&format!("{{{name}}}"), &place)
    })
}

async fn nothing_changed(apart: &Apart) {
    let inside = async {
        call(&Dependency::playing("S")).await.unwrap();
        bare().await.unwrap();
        sync().unwrap();
        let status = registry().breaker("config.wrong").status();
        assert_eq!(status.failure_threshold, Some(5));
        let values = [
            "config.wrong.call",
            "config.wrong.bare",
            "config.wrong.sync",
        ];
        let values = values.into_iter().flat_map(|call| site(call).values());
        // Of a wrong variable that is left out without a setup, no trace is left either.
        for value in values {
            let ours = matches!(value.origin, Origin::Code { .. } | Origin::BuiltIn);
            assert!(ours, "{value:?}");
        }
    };
    apart.scope(inside).await;
}

#[tokio::test]
async fn each_wrong_variable_gives_one_clear_report_and_changes_nothing() {
    for (name, value, report) in VARIABLES {
        let apart = Apart::with("config.wrong", &[(name, value)]);
        let faults = apart.faults("a.toml", "# nothing").await;
        assert_eq!(faults, [format!("{name}: {}", placed(report))]);
        nothing_changed(&apart).await;
    }
}

#[tokio::test]
async fn a_file_that_is_none_gives_one_clear_report() {
    let report = async |apart: &Apart, file: &str| {
        let error = apart.start_at(&apart.path(file)).await.unwrap_err();
        nothing_changed(apart).await;
        apart.told(&error)
    };
    let apart = Apart::of("config.wrong");
    assert_eq!(
        report(&apart, "gone.toml").await,
        ["gone.toml: it does not exist"]
    );
    fs::create_dir(apart.path("folder.toml")).unwrap();
    assert_eq!(
        report(&apart, "folder.toml").await,
        ["folder.toml: it is a directory; name a file in it"]
    );
    apart.write("large.toml", "# 0123456\n".repeat(1 << 20));
    assert_eq!(
        report(&apart, "large.toml").await,
        ["large.toml: it is larger than 1 MiB; no configuration needs as much"]
    );
    apart.write("bytes.toml", b"# fine\n# \xc3\xa9 \xff\n");
    assert_eq!(
        report(&apart, "bytes.toml").await,
        ["bytes.toml:2:5: this is no UTF-8; save the file in that encoding"]
    );
}

#[cfg(unix)]
#[tokio::test]
async fn links_and_rights_that_lead_nowhere_give_one_clear_report() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let apart = Apart::of("config.wrong");
    symlink("b.toml", apart.path("a.toml")).unwrap();
    symlink("a.toml", apart.path("b.toml")).unwrap();
    let error = apart.start_at(&apart.path("a.toml")).await.unwrap_err();
    let told = apart.told(&error);
    assert!(
        told[0].starts_with("a.toml: it can't be read: "),
        "{told:?}"
    );

    let path = apart.write("c.toml", "# nothing");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::read(&path).is_err() {
        // The superuser may read it all the same.
        let error = apart.start_at(&path).await.unwrap_err();
        assert_eq!(
            apart.told(&error),
            ["c.toml: it can't be read: permission denied"]
        );
    }
    nothing_changed(&apart).await;
}

#[tokio::test]
async fn all_faults_of_files_and_variables_come_in_one_report() {
    let apart = Apart::with("config.wrong", &[("STEADFAST_ZEBRA", "1")]);
    let file = "[braker]\n[breaker.\"config.wrong\"]\nfailures = 0\n[call.unknown]\n";
    let faults = apart.faults("a.toml", file).await;
    let places: Vec<_> = faults
        .iter()
        .map(|fault| fault.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        places,
        ["a.toml:1:2", "a.toml:3:12", "a.toml:4:7", "STEADFAST_ZEBRA"]
    );
}

#[tokio::test]
async fn an_unknown_name_may_be_announced_or_be_a_warning() {
    let apart = Apart::of("config.wrong");
    let path = apart.write("a.toml", "[breaker.later]\nfailures = 3\n");
    apart
        .scope(async {
            let setup = || steadfast::setup().config_file(&path);
            let announced = setup().declare(["later"]).start().await.unwrap();
            assert_eq!(announced.status().warnings, [""; 0]);
            announced.stop().await;
            let warned = setup()
                .unknown_names(UnknownNames::Warn)
                .start()
                .await
                .unwrap();
            let warnings = warned.status().warnings;
            assert!(
                warnings[0].contains("a.toml:1:10: no breaker is named \"later\""),
                "{warnings:?}"
            );
            assert_eq!(
                registry().breaker("later").status().failure_threshold,
                Some(3)
            );
            let wrong = steadfast::setup()
                .declare(["not ok"])
                .start()
                .await
                .unwrap_err();
            assert!(
                wrong.to_string().contains("name \"not ok\" holds ' '"),
                "{wrong}"
            );
        })
        .await;
}

// Redis's password and the token of the admin pages are the secrets there are.
#[tokio::test]
async fn secrets_stand_in_no_report() {
    let variables = [
        ("STEADFAST_REDIS_URL", "http://:secret@localhost/"),
        ("STEADFAST_REDIS_PASSWORD", "secret"),
        ("STEADFAST_ADMIN_TOKEN", "secret"),
    ];
    let apart = Apart::with("config.wrong", &variables);
    let file = "[redis]\nurl = 'http://:secret@localhost/'\npassword = ['secret']";
    let error = apart.start("a.toml", file).await.unwrap_err();
    assert_eq!(error.faults().count(), 3);
    assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
}

// The operators' forms have no prefix of ours: what nobody here has the name of may be another's.
#[tokio::test]
async fn an_operators_variable_of_an_unknown_breaker_is_no_fault() {
    let variables = [
        ("OTHER_CIRCUIT_RECOVERY_SECONDS", "5s"),
        ("CONFIG_WRNOG_CIRCUIT_FAILURE_THRESHOLD", "3"),
    ];
    let apart = Apart::with("config.wrong", &variables);
    let steadfast = apart.start("a.toml", "# nothing").await.unwrap();
    let warnings = steadfast.status().warnings;
    assert_eq!(
        warnings,
        [
            "CONFIG_WRNOG_CIRCUIT_FAILURE_THRESHOLD: no breaker is named CONFIG_WRNOG; did you mean CONFIG_WRONG_CIRCUIT_FAILURE_THRESHOLD?"
        ]
    );
    nothing_changed(&apart).await;
}
