//! Wrong files, with what is said of each.

/// File, text, report.
pub(super) const FILES: &[(&str, &str, &str)] = &[
    (
        "a.toml",
        r#"breaker."config.wrong".failures = "five""#,
        r#"a.toml:1:35: `breaker.failures`: "five" is no count; write a whole number"#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failures = "5""#,
        r#"a.toml:1:35: `breaker.failures`: "5" is text; write 5 without quotes"#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failures = 0"#,
        "a.toml:1:35: `breaker.failures`: 0 is out of range; write a whole number of 1 or more",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failures = -1"#,
        "a.toml:1:35: `breaker.failures`: -1 is out of range; write a whole number up to 4294967295",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failures = 99999999999"#,
        "a.toml:1:35: `breaker.failures`: 99999999999 is out of range; write a whole number up to 4294967295",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failures = 2.5"#,
        "a.toml:1:35: `breaker.failures`: 2.5 is no count; write a whole number",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failures = true"#,
        "a.toml:1:35: `breaker.failures`: true is no count; write a whole number",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failures = [5]"#,
        "a.toml:1:35: `breaker.failures`: a list is no count; write one such as 5",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failures = ["5"]"#,
        "a.toml:1:35: `breaker.failures`: a list is no count; write one such as 5",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failures = {}"#,
        "a.toml:1:35: `breaker.failures`: a table is no count; write one such as 5",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failures = 2026-01-01"#,
        "a.toml:1:35: `breaker.failures`: a date is no count; write one such as 5",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".recovery = "5""#,
        r#"a.toml:1:35: `breaker.recovery`: duration "5" has no unit; did you mean "5ms" or "5s"?"#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".recovery = 5"#,
        r#"a.toml:1:35: `breaker.recovery`: duration 5 has no unit; did you mean "5ms" or "5s"?"#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".recovery = "5 sec""#,
        r#"a.toml:1:35: `breaker.recovery`: duration "5 sec" has an unknown unit "sec"; write ms, s, m, h or d"#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".recovery = "0s""#,
        "a.toml:1:35: `breaker.recovery`: a duration of zero is not allowed here",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".recovery = "-1s""#,
        r#"a.toml:1:35: `breaker.recovery`: "-1s" is no duration; write a number and a unit, such as "5s" or "250ms""#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".recovery = "200y""#,
        r#"a.toml:1:35: `breaker.recovery`: duration "200y" has an unknown unit "y"; write ms, s, m, h or d"#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".recovery = "90000000000s""#,
        r#"a.toml:1:35: `breaker.recovery`: duration "90000000000s" is longer than 100 years"#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failure_rate = 50"#,
        r#"a.toml:1:39: `breaker.failure_rate`: ratio 50 is out of range; did you mean "50%"?"#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failure_rate = 0.0"#,
        "a.toml:1:39: `breaker.failure_rate`: ratio 0 is out of range; a ratio is more than 0 and at most 1",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".failure_rate = nan"#,
        "a.toml:1:39: `breaker.failure_rate`: ratio NaN is out of range; a ratio is more than 0 and at most 1",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".recovery_factor = 0.5"#,
        "a.toml:1:42: `breaker.recovery_factor`: 0.5 is out of range; write a number of 1 or more",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".counting = "all""#,
        r#"a.toml:1:35: `breaker.counting`: unknown value "all"; write "consecutive" or "window""#,
    ),
    (
        "a.toml",
        "[call.\"config.wrong.call\"]\nbreaker.counts = [\"transient\", \"tiemout\"]",
        r#"a.toml:2:18: `breaker.counts`: unknown class "tiemout"; did you mean "timeout"?"#,
    ),
    (
        "a.toml",
        "[call.\"config.wrong.call\"]\nbreaker.counts = \"transient\"",
        r#"a.toml:2:18: `breaker.counts`: the text "transient" is no list; write one such as ["transient", "timeout"]"#,
    ),
    (
        "a.toml",
        "[call.\"config.wrong.call\"]\nbreaker.counts = []",
        "a.toml:2:18: `breaker.counts`: an empty list of classes; name at least one, such as transient",
    ),
    (
        "a.toml",
        "[call.\"config.wrong.call\"]\nbreaker.guards = \"atempt\"",
        r#"a.toml:2:18: `breaker.guards`: unknown value "atempt"; did you mean "attempt"?"#,
    ),
    (
        "a.toml",
        "[call.\"config.wrong.call\"]\nretry.jitter = \"ful\"",
        r#"a.toml:2:16: `retry.jitter`: unknown jitter "ful"; did you mean "full"?"#,
    ),
    (
        "a.toml",
        "[call.\"config.wrong.call\"]\nretry.on = [\"ignored\"]",
        r#"a.toml:2:12: `retry.on`: "ignored" is never retried; leave it out"#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".faliures = 5"#,
        r#"a.toml:1:24: unknown option "faliures"; did you mean "failures"?"#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".guards = "call""#,
        r#"a.toml:1:24: `guards` belongs to the call, not to the breaker it uses: write `breaker.guards` in [call."…"]"#,
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".key = "x""#,
        "a.toml:1:24: `breaker.key` belongs to the code: only the attribute can hold it",
    ),
    (
        "a.toml",
        r#"breaker."config.wrong".quorum = 2"#,
        "a.toml:1:33: `quorum` counts instances of a fleet; it needs `scope = \"shared\"`",
    ),
    (
        "a.toml",
        "[call.\"config.wrong.call\"]\nbreaker.failures = 5",
        r#"a.toml:2:9: `failures` belongs to the breaker that the call names: write it in [breaker."…"]"#,
    ),
    (
        "a.toml",
        "[call.\"config.wrong.call\"]\ntime_out = \"5s\"",
        r#"a.toml:2:1: unknown option "time_out"; did you mean "timeout"?"#,
    ),
    (
        "a.toml",
        "[call.\"config.wrong.call\"]\nname = \"other\"",
        "a.toml:2:1: `name` belongs to the code: only the attribute can hold it",
    ),
    (
        "a.toml",
        "[call.\"config.wrong.call\"]\ncache.fresh = \"1s\"",
        "a.toml:2:15: \"config.wrong.call\" has no `cache`, and configuration can't add one; add it to the attribute at {call}",
    ),
    (
        "a.toml",
        "[braker.x]",
        r#"a.toml:1:2: unknown table "braker"; did you mean "breaker"?"#,
    ),
    (
        "a.toml",
        r#"timeout = "5s""#,
        r#"a.toml:1:1: `timeout` belongs into [defaults] or [call."…"]"#,
    ),
    (
        "a.toml",
        "[redis]\nurl = \"http://:secret@localhost/\"",
        r#"a.toml:2:7: `redis.url`: "http://***@localhost/" is no address of Redis; write one that begins with redis://, rediss:// or unix://"#,
    ),
    (
        "a.toml",
        r#"breaker = "config.wrong""#,
        r#"a.toml:1:11: `breaker` is a table; this is the text "config.wrong""#,
    ),
    (
        "a.toml",
        "[defaults.breaker]\nname = \"x\"",
        "a.toml:2:1: a default has no name; leave `name` out",
    ),
    (
        "a.toml",
        "[defaults.braker]\nfailures = 3",
        r#"a.toml:1:11: unknown option "braker"; did you mean "breaker"?"#,
    ),
    (
        "a.toml",
        "[breaker.\"config.wrnog\"]\nfailures = 3",
        r#"a.toml:1:10: no breaker is named "config.wrnog"; did you mean "config.wrong"?"#,
    ),
    (
        "a.toml",
        "[breaker.zebra]",
        r#"a.toml:1:10: no breaker is named "zebra"; the code declares none of that name"#,
    ),
    (
        "a.toml",
        "[breaker.\"a b\"]\nfailures = 3",
        r#"a.toml:1:10: name "a b" holds ' '; a name is made of letters, digits and ".", "_", ":", "-""#,
    ),
    (
        "a.toml",
        "[rate_limit.\"config.wrong\"]\nmax = 3",
        r#"a.toml:1:13: no rate limit is named "config.wrong"; the code declares none of that name"#,
    ),
    (
        "a.toml",
        "[call.\"config.wrong.cal\"]\ntimeout = \"1s\"",
        r#"a.toml:1:7: no call is named "config.wrong.cal"; did you mean "config.wrong.call"?"#,
    ),
    (
        "a.toml",
        "[call.config.wrong.call]\ntimeout = \"1s\"",
        r#"a.toml:1:14: unknown option "wrong"; a name with a "." in it stands in quotes: [call."config.wrong.call"]"#,
    ),
    (
        "a.toml",
        "[breaker.config.wrong]\nfailures = 5",
        r#"a.toml:1:17: unknown option "wrong"; a name with a "." in it stands in quotes: [breaker."config.wrong"]"#,
    ),
    (
        "a.toml",
        "[call.\"config.wrong.call\"]\ntimeout = \"10s\"",
        r#"a.toml:2:11: timeout 10s is longer than the deadline of 5s, in "config.wrong.call" at {call}"#,
    ),
    (
        "a.toml",
        "[breaker.\"config.wrong\"]\nrecovery_max = \"1s\"",
        "a.toml:2:16: recovery_max 1s is shorter than the recovery of 30s",
    ),
    (
        "a.toml",
        "[breaker.\"config.wrong\"]\nwindow = \"1s\"\nwindow_calls = 5",
        "a.toml:2:10: `window` and `window_calls` exclude each other; keep one of them",
    ),
    (
        "a.toml",
        "[breaker.\"config.wrong\"]\nmin_calls = 5",
        "a.toml:2:13: `min_calls` needs a rate to hold back: add `failure_rate` or `slow_call`",
    ),
    (
        "a.toml",
        "[call.\"config.wrong.bare\"]\nretry.max = 5",
        r#"a.toml:2:13: "config.wrong.bare" has no `retry`, and configuration can't add one; add it to the attribute at {bare}"#,
    ),
    (
        "a.toml",
        "[call.\"config.wrong.bare\"]\nfallback.on = \"rejected\"",
        r#"a.toml:2:15: "config.wrong.bare" has no `fallback`, and configuration can't add one; add it to the attribute at {bare}"#,
    ),
    (
        "a.toml",
        "[call.\"config.wrong.sync\"]\ntimeout = \"1s\"",
        r#"a.toml:2:11: `timeout` needs an async function: a running sync body can't be cut; write `deadline`, which is checked between attempts, in "config.wrong.sync" at {sync}"#,
    ),
    (
        "a.toml",
        "[breaker",
        "a.toml:1:9: unclosed table, expected `]`",
    ),
    (
        "a.toml",
        "[breaker.\"config.wrong\"]\nfailures = 3\nfailures = 4",
        "a.toml:3:1: duplicate key",
    ),
    (
        "a.toml",
        "a = \n",
        "a.toml:1:5: string values must be quoted, expected literal string",
    ),
    (
        "a.json",
        r#"{"breaker": {"config.wrong": {"failures": 5,}}}"#,
        "a.json:1:45: key must be a string",
    ),
    (
        "a.json",
        r#"{"breaker": {"config.wrong": {"failures": 5, "failures": 6}}}"#,
        r#"a.json:1:46: "failures" is given twice, first at line 1; keep one of them"#,
    ),
    (
        "a.json",
        "{\"breaker\": {\"config.wrong\":\n {\"failures\": \"5\"}}}",
        r#"a.json:2:15: `breaker.failures`: "5" is text; write 5 without quotes"#,
    ),
    (
        "a.json",
        "[]",
        "a.json:1:1: a configuration is a table; this is a list",
    ),
    (
        "a.json",
        r#"{"breaker": null}"#,
        "a.json:1:13: `breaker` is a table; this is null",
    ),
    ("a.json", "{} {}", "a.json:1:4: trailing characters"),
    (
        "a.json",
        r#"{"breaker": "#,
        "a.json:1:12: EOF while parsing a value",
    ),
    ("a.json", "// none\n{}", "a.json:1:1: expected value"),
    (
        "a.yaml",
        "breaker:\n  config.wrong:\n    failures: five\n",
        r#"a.yaml:3:15: `breaker.failures`: "five" is no count; write a whole number"#,
    ),
    (
        "a.yaml",
        "breaker:\n  config.wrong:\n   failures: 5\n    recovery: 5s\n",
        "a.yaml:4:13: mapping values are not allowed in this context",
    ),
    (
        "a.yaml",
        "breaker:\n\tconfig.wrong: {}\n",
        "a.yaml:2:2: tabs disallowed within this context (block indentation)",
    ),
    (
        "a.yaml",
        "breaker: {config.wrong: {failures: 5, failures: 6}}\n",
        r#"a.yaml:1:39: "failures" is given twice, first at line 1; keep one of them"#,
    ),
    (
        "a.yaml",
        "breaker: {config.wrong: {failures: !many 5}}\n",
        "a.yaml:1:36: tags are not read; leave !many out",
    ),
    (
        "a.yaml",
        "breaker: *unknown\n",
        "a.yaml:1:10: while parsing node, found unknown anchor",
    ),
    (
        "a.yaml",
        "call: {config.wrong.call: {<<: {timeout: 1s}}}\n",
        "a.yaml:1:28: merge keys are not read; write the options out",
    ),
    (
        "a.yaml",
        "- breaker\n",
        "a.yaml:1:1: a configuration is a table; this is a list",
    ),
    (
        "a.yaml",
        "{}\n---\n{}\n",
        "a.yaml:2:1: a second document; one file holds one",
    ),
    (
        "a.yaml",
        "? [a]\n: b\n",
        "a.yaml:1:3: a key is text; write it as one word",
    ),
    (
        "a.toml",
        "",
        "a.toml: it is empty; where nothing is to be configured, write a comment or an empty table",
    ),
    (
        "a.yaml",
        " \n\n",
        "a.yaml: it is empty; where nothing is to be configured, write a comment or an empty table",
    ),
    (
        "a.ini",
        "[breaker]",
        r#"a.ini: unknown ending ".ini"; write a .toml, .yaml or .json file"#,
    ),
    (
        "config",
        "[breaker]",
        "config: it has no ending; write a .toml, .yaml or .json file",
    ),
];
