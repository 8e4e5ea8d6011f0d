//! The tables of classes: kinds of `io::Error`, HTTP statuses, words in messages.

use std::io::{self, ErrorKind};
use std::time::{Duration, SystemTime};

use steadfast::{Class, Classify};
use steadfast_tests::secs;

const LIMITED: Class = Class::RateLimited { retry_after: None };

#[test]
fn io_errors_are_classified_by_their_kind() {
    use ErrorKind as K;
    let transient = [
        K::ConnectionReset,
        K::ConnectionRefused,
        K::ConnectionAborted,
        K::BrokenPipe,
        K::UnexpectedEof,
        K::Interrupted,
        K::HostUnreachable,
        K::NetworkUnreachable,
    ];
    let expected = [K::NotFound, K::AlreadyExists];
    let permanent = [
        K::PermissionDenied,
        K::InvalidInput,
        K::InvalidData,
        K::Unsupported,
    ];
    let rows = [
        (&transient[..], Class::Transient),
        (&[K::TimedOut], Class::Timeout),
        (&expected, Class::Expected),
        (&permanent, Class::Permanent),
    ];
    for (kinds, class) in rows {
        for &kind in kinds {
            assert_eq!(Class::of(&io::Error::from(kind)), class, "{kind:?}");
        }
    }
}

#[test]
fn the_inner_error_of_an_io_error_is_looked_into_first() {
    let denied = io::Error::from(ErrorKind::PermissionDenied);
    let error = io::Error::new(ErrorKind::TimedOut, denied);
    assert_eq!(Class::of(&error), Class::Permanent);
}

// Every status there is, against the contract's list.
#[test]
fn http_statuses_have_the_classes_of_the_contract() {
    for status in 400..600u16 {
        let class = match status {
            408 | 425 => Class::Transient,
            429 => LIMITED,
            401 | 403 | 407 | 501 | 505 => Class::Permanent,
            ..500 => Class::Expected,
            500.. => Class::Transient,
        };
        assert_eq!(Class::from_http_status(status), class, "{status}");
        let typed = http::StatusCode::from_u16(status).unwrap();
        assert_eq!(typed.classify(), class, "{status}");
    }
}

#[test]
fn retry_after_is_read_as_seconds_and_as_a_date() {
    let after = |header: &str| match Class::from_http(429u16, Some(header)) {
        Class::RateLimited { retry_after } => retry_after,
        class => panic!("{class:?}"),
    };
    assert_eq!(after("7"), Some(secs(7)));
    assert_eq!(after(" 0 "), Some(Duration::ZERO));
    assert_eq!(after("soon"), None);
    assert_eq!(after(""), None);
    let date = httpdate::fmt_http_date(SystemTime::now() + secs(3600));
    let left = after(&date).unwrap();
    assert!(left > secs(3590) && left <= secs(3600), "{left:?}");
    assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
    assert_eq!(Class::from_http(429u16, None::<&str>), LIMITED);
    assert_eq!(Class::from_http(404u16, Some("7")), Class::Expected);
}

#[test]
fn a_header_value_is_read_as_it_comes() {
    let response = http::Response::builder()
        .status(429)
        .header("retry-after", "12")
        .body(())
        .unwrap();
    let class = Class::from_http(response.status(), response.headers().get("retry-after"));
    let retry_after = Some(secs(12));
    assert_eq!(class, Class::RateLimited { retry_after });
}

#[test]
fn messages_are_classified_by_the_usual_words() {
    let rows = [
        ("Rate limit exceeded", LIMITED),
        ("HTTP 429: Too Many Requests", LIMITED),
        ("connect ETIMEDOUT 10.0.0.1:443", Class::Timeout),
        ("the request timed out", Class::Timeout),
        ("read ECONNRESET", Class::Transient),
        ("connection refused", Class::Transient),
        ("503 Service Unavailable", Class::Transient),
        ("permission denied", Class::Permanent),
        ("no such user: not found", Class::Expected),
    ];
    for (text, class) in rows {
        assert_eq!(Class::from_message(text), Some(class), "{text}");
    }
    assert_eq!(Class::from_message("no such luck"), None);
}

// Registered under its own name, an error that can't even be built is permanent.
#[test]
fn a_request_that_cannot_be_built_is_permanent() {
    let http = http::Uri::try_from("not a uri").unwrap_err();
    assert_eq!(Class::of(&http::Error::from(http)), Class::Permanent);
    let client = reqwest::Client::new();
    let reqwest = client.get("not a url").build().unwrap_err();
    assert_eq!(Class::of(&reqwest), Class::Permanent);
}
