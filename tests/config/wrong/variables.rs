//! Wrong variables, with what is said of each.

/// Variable, value, report.
pub(super) const VARIABLES: &[(&str, &str, &str)] = &[
    (
        "STEADFAST_BREAKER__CONFIG_WRONG__FAILURES",
        "five",
        r#""five" is no count; write a whole number"#,
    ),
    (
        "STEADFAST_BREAKER__CONFIG_WRONG__FAILURES",
        "",
        r#""" is no count; write a whole number"#,
    ),
    (
        "STEADFAST_BREAKER__CONFIG_WRONG__FALIURES",
        "5",
        "unknown option FALIURES; did you mean FAILURES?",
    ),
    (
        "STEADFAST_BREAKER__CONFIG_WRNOG__FAILURES",
        "5",
        "no breaker is named CONFIG_WRNOG; did you mean STEADFAST_BREAKER__CONFIG_WRONG__FAILURES?",
    ),
    (
        "STEADFAST_BREAKER__FAILURES",
        "5",
        "write STEADFAST_BREAKER__NAME__OPTION",
    ),
    (
        "STEADFAST_BREAKER__CONFIG_WRONG__GUARDS",
        "call",
        "`breaker.guards` belongs to the call: write STEADFAST_CALL__NAME__BREAKER__GUARDS",
    ),
    (
        "STEADFAST_BREAKER__CONFIG_WRONG__KEY",
        "x",
        "`breaker.key` belongs to the code: only the attribute can hold it",
    ),
    (
        "STEADFAST_BREAKER__CONFIG_WRONG__QUORUM",
        "2",
        "`quorum` counts instances of a fleet; it needs `scope = \"shared\"`",
    ),
    (
        "STEADFAST_BREAKER__CONFIG_WRONG__RECOVERY",
        "5",
        r#"duration "5" has no unit; did you mean "5ms" or "5s"?"#,
    ),
    (
        "STEADFAST_BRAKER__CONFIG_WRONG__FAILURES",
        "5",
        "unknown variable; did you mean STEADFAST_BREAKER__CONFIG_WRONG__FAILURES?",
    ),
    (
        "STEADFAST_ZEBRA",
        "5",
        "unknown variable; write STEADFAST_BREAKER__NAME__OPTION, STEADFAST_RATE_LIMIT__…, STEADFAST_BULKHEAD__… or STEADFAST_CALL__…",
    ),
    (
        "STEADFAST_BREAKER",
        "5",
        "unknown variable; write STEADFAST_BREAKER__NAME__OPTION, STEADFAST_RATE_LIMIT__…, STEADFAST_BULKHEAD__… or STEADFAST_CALL__…",
    ),
    (
        "STEADFAST_CALL__CONFIG_WRONG_CALL__TIMEOUT",
        "10s",
        r#"timeout 10s is longer than the deadline of 5s, in "config.wrong.call" at {call}"#,
    ),
    (
        "STEADFAST_CALL__CONFIG_WRONG_CALL__RETRY__MAXX",
        "3",
        "unknown option MAXX; did you mean MAX?",
    ),
    (
        "STEADFAST_CALL__CONFIG_WRONG_CALL__RETRY__ON",
        "transient,ignored",
        r#""ignored" is never retried; leave it out"#,
    ),
    (
        "STEADFAST_CALL__CONFIG_WRONG_CALL__BREAKER__FAILURES",
        "3",
        "`breaker.failures` belongs to the breaker that the call names: write STEADFAST_BREAKER__NAME__FAILURES",
    ),
    (
        "STEADFAST_CALL__CONFIG_WRONG_CAL__TIMEOUT",
        "1s",
        "no call is named CONFIG_WRONG_CAL; did you mean STEADFAST_CALL__CONFIG_WRONG_CALL__TIMEOUT?",
    ),
    (
        "STEADFAST_CALL__CONFIG_WRONG_BARE__RETRY__MAX",
        "3",
        r#""config.wrong.bare" has no `retry`, and configuration can't add one; add it to the attribute at {bare}"#,
    ),
    (
        "STEADFAST_CALL__TIMEOUT",
        "1s",
        "write STEADFAST_CALL__NAME__OPTION, or STEADFAST_CALL__NAME__POLICY__OPTION",
    ),
    (
        "STEADFAST_REDIS_URL",
        "http://:secret@localhost/",
        r#""http://***@localhost/" is no address of Redis; write one that begins with redis://, rediss:// or unix://"#,
    ),
    (
        "CONFIG_WRONG_CIRCUIT_FAILURE_THRESHOLD",
        "five",
        r#""five" is no count; write a whole number"#,
    ),
    (
        "CONFIG_WRONG_CIRCUIT_RECOVERY_SECONDS",
        "5s",
        r#""5s" is no number of seconds; write one such as 30"#,
    ),
    (
        "CONFIG_WRONG_CIRCUIT_RECOVERY_SECONDS",
        "0",
        "a duration of zero is not allowed here",
    ),
    (
        "RATE_LIMIT_FAIL_OPEN_SECONDS",
        "five",
        r#""five" is no number of seconds; write one such as 30"#,
    ),
    (
        "RATE_LIMIT_REDIS_PROBE_SECONDS",
        "0",
        "a duration of zero is not allowed here",
    ),
];
