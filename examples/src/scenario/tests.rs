use steadfast_options::Ratio;

use super::*;
use crate::dependency::Dependency;

/// The report of a faulty file, its lines in order.
fn faults(text: &str) -> Vec<String> {
    let error = Scenario::parse("bad.toml", text).expect_err("read without complaint");
    error.to_string().lines().map(String::from).collect()
}

/// The only fault of a phase that says `body`, without its place.
fn phase_fault(body: &str) -> String {
    let text = format!("length = \"30s\"\n[[upstream.email.phase]]\n{body}");
    let found = faults(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].splitn(4, ':').nth(3).unwrap().trim().to_owned()
}

#[test]
fn every_shipped_scenario_reads_and_is_sick_for_a_while() {
    for (name, _) in SHIPPED {
        let scenario = Scenario::find(name).unwrap_or_else(|error| panic!("{error}"));
        assert!(!scenario.title.is_empty(), "{name}");
        let well = scenario.well_again().unwrap();
        // The breakers need up to two seconds, and a healthy stretch must still fit in.
        assert!(well + Duration::from_secs(5) < scenario.length, "{name}");
    }
}

#[test]
fn the_scenario_of_the_readme_reads() {
    let readme = include_str!("../../README.md");
    let example = readme
        .split("```")
        .find_map(|block| block.strip_prefix("toml\n"));
    let scenario = Scenario::parse("README.md", example.expect("no example"));
    let scenario = scenario.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scenario.well_again(), Some(Duration::from_secs(10)));
}

#[test]
fn a_phase_keeps_the_latency_of_its_upstream_unless_it_has_its_own() {
    let text = r#"
        length = "20s"
        [upstream.email]
        latency = "30ms"
        jitter = "5ms"
        [[upstream.email.phase]]
        from = "1s"
        until = "2s"
        status = 503
        share = "40%"
        hang = 0.25
        [[upstream.email.phase]]
        from = "2s"
        until = "3.5s"
        latency = "1s"
    "#;
    let scenario = Scenario::parse("x", text).unwrap();
    let phases = &scenario.timelines[Dependency::Email].phases;
    assert_eq!(phases[0].behaviour.latency, Duration::from_millis(30));
    assert_eq!(phases[0].behaviour.hang, Ratio::new(0.25));
    let errors = phases[0].behaviour.errors.as_ref().unwrap();
    assert_eq!(errors.share, Ratio::literal(0.4));
    assert_eq!(phases[1].behaviour.latency, Duration::from_secs(1));
    assert_eq!(phases[1].behaviour.jitter, Duration::from_millis(5));
    assert_eq!(phases[1].until, Duration::from_millis(3500));
    assert_eq!((scenario.rate, scenario.pages), (40, 40));
}

#[test]
fn a_scenario_that_lasts_longer_is_sick_for_longer() {
    let outage = Scenario::find("outage").unwrap();
    let longer = outage.lasting(outage.length * 2);
    assert_eq!(
        longer.well_again().unwrap(),
        outage.well_again().unwrap() * 2
    );
    assert_eq!(longer.length, Duration::from_secs(60));
}

#[test]
fn all_faults_are_reported_at_once_in_the_order_of_the_file() {
    let text = concat!(
        "titel = \"x\"\n",
        "length = 30\n",
        "rate = \"many\"\n",
        "[upstream.payment]\n",
        "[[upstream.email.phase]]\n",
        "from = \"5\"\n",
        "until = \"9s\"\n",
        "  hang = 80\n",
    );
    assert_eq!(
        faults(text),
        [
            r#"bad.toml:1:1: unknown key "titel"; did you mean "title"?"#,
            r#"bad.toml:2:10: length: duration 30 has no unit; did you mean "30ms" or "30s"?"#,
            "bad.toml:3:8: rate: this is text; write a whole number, such as 40",
            r#"bad.toml:4:11: unknown upstream "payment"; did you mean "payments"?"#,
            r#"bad.toml:6:8: from: duration "5" has no unit; did you mean "5ms" or "5s"?"#,
            r#"bad.toml:8:10: hang: 80 is more than all of them; did you mean "80%"?"#,
        ]
    );
}

#[test]
fn a_line_that_is_no_toml_is_reported_where_it_stands() {
    let found = faults("length = \"30s\"\nrate = = 4\n");
    assert!(found[0].starts_with("bad.toml:2:"), "{found:?}");
}

#[test]
fn columns_count_characters() {
    let found = faults("length = \"30s\"\nupstream = { \"\u{e9}\u{e9}\" = {}, x = {} }\n");
    assert!(
        found[0].starts_with("bad.toml:2:14: unknown upstream"),
        "{found:?}"
    );
    assert!(
        found[1].starts_with("bad.toml:2:25: unknown upstream \"x\""),
        "{found:?}"
    );
}

#[test]
fn overlapping_phases_name_each_other() {
    let text = concat!(
        "length = \"30s\"\n",
        "[[upstream.email.phase]]\nfrom = \"5s\"\nuntil = \"9s\"\nhang = 1\n",
        "[[upstream.email.phase]]\nfrom = \"8s\"\nuntil = \"12s\"\nhang = 1\n",
    );
    let found = faults(text);
    assert_eq!(
        found,
        [
            "bad.toml:6:1: this phase overlaps the one at line 2, from 5s until 9s; one phase may hold at a time"
        ]
    );
}

#[test]
fn phases_that_touch_do_not_overlap() {
    let text = concat!(
        "length = \"30s\"\n",
        "[[upstream.email.phase]]\nfrom = \"5s\"\nuntil = \"9s\"\nhang = 1\n",
        "[[upstream.email.phase]]\nfrom = \"9s\"\nuntil = \"12s\"\nreset = 1\n",
    );
    assert_eq!(
        Scenario::parse("x", text).unwrap().well_again(),
        Some(Duration::from_secs(12))
    );
}

#[test]
fn a_phase_says_what_is_wrong_with_it() {
    let times = "from = \"1s\"\nuntil = \"2s\"\n";
    let cases = [
        (
            "",
            "this phase changes nothing; give it any of latency, jitter, status, hang, reset",
        ),
        (
            "share = 0.5\nhang = 0.1",
            "share belongs to a status; add status = 503, or use hang or reset",
        ),
        (
            "status = 200",
            "status: 200 is no error status; write 400 to 599",
        ),
        (
            "status = 429\nretry_after = \"1500ms\"",
            "retry_after: the header holds whole seconds only; write \"2s\"",
        ),
        (
            "hang = \"70%\"\nreset = \"50%\"",
            "hang, reset and share add up to 120%; lower them to 100% at most (share is 100% where it is not given)",
        ),
        (
            "hang = 0",
            "hang: 0 is out of range; a share is more than 0 and at most 1 or \"100%\"",
        ),
        (
            "hang = true",
            "hang: this is true or false; write a share, such as 0.5 or \"50%\"",
        ),
        (
            "latency = \"2m\"",
            "latency: write 1m at most; for requests that are never answered, hang = 1.0",
        ),
        (
            "statuss = 503\nhang = 1",
            "unknown key \"statuss\"; did you mean \"status\"?",
        ),
    ];
    for (body, reason) in cases {
        assert_eq!(phase_fault(&format!("{times}{body}")), reason);
    }
}

#[test]
fn a_phase_needs_both_ends_within_the_scenario() {
    assert_eq!(
        phase_fault("until = \"2s\"\nhang = 1"),
        "a phase needs `from`, for instance from = \"5s\""
    );
    assert_eq!(
        phase_fault("from = \"3s\"\nuntil = \"2s\"\nhang = 1"),
        "until: 2s is not after from = \"3s\""
    );
    assert_eq!(
        phase_fault("from = \"3s\"\nuntil = \"31s\"\nhang = 1"),
        "until: 31s is after the scenario's end; write 30s at most"
    );
}

#[test]
fn likely_slips_of_form_get_a_hint() {
    let cases = [
        (
            "[payments]\nlatency = \"1s\"",
            "\"payments\" stands below upstream; write [upstream.payments]",
        ),
        (
            "[upstream.email.phase]\nhang = 1",
            "phase: this is a table; write [[upstream.email.phase]], once for each phase",
        ),
        (
            "upstream = 3",
            "upstream: this is a whole number; write tables such as [upstream.payments]",
        ),
    ];
    for (body, reason) in cases {
        let found = faults(&format!("length = \"30s\"\n{body}\n"));
        assert!(found.len() == 1 && found[0].ends_with(reason), "{found:?}");
    }
}

#[test]
fn a_length_and_a_rate_stay_within_what_a_small_machine_can_do() {
    let found = faults("length = \"1s\"\nrate = 0\npages = 51\n");
    assert_eq!(
        found,
        [
            "bad.toml:1:10: length: write 5s to 10m",
            "bad.toml:2:8: rate: write 1 to 50 checkouts a second",
            "bad.toml:3:9: pages: write 0 to 50 product pages a second"
        ]
    );
}

#[test]
fn an_unknown_name_names_the_nearest() {
    let error = Scenario::find("outag").unwrap_err().to_string();
    assert!(error.contains("did you mean \"outage\"?"), "{error}");
    let error = Scenario::find("no/such/file.toml").unwrap_err().to_string();
    assert!(
        error.contains("outage, brownout, rate-limited, cascade"),
        "{error}"
    );
}

#[test]
fn a_shop_may_have_no_pages_and_its_catalog_may_be_sick() {
    let text = concat!(
        "length = \"20s\"\npages = 0\n",
        "[[upstream.catalog.phase]]\nfrom = \"1s\"\nuntil = \"2s\"\nstatus = 503\n",
    );
    let scenario = Scenario::parse("x", text).unwrap();
    assert_eq!(scenario.lasting(Duration::from_secs(40)).pages, 0);
    assert_eq!(scenario.well_again(), Some(Duration::from_secs(2)));
    let found = faults("length = \"20s\"\n[upstream.catalogue]\n");
    assert_eq!(
        found,
        [r#"bad.toml:2:11: unknown upstream "catalogue"; did you mean "catalog"?"#]
    );
}
