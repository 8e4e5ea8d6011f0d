//! Requests that are not an operator's.

use std::time::Duration;

use serde_json::json;
use steadfast::registry;
use steadfast_tests::apart;

use crate::operate::served::{Served, TOKEN};

#[tokio::test]
async fn nobody_changes_anything_without_the_token() {
    apart(async {
        let stripe = registry().breaker("operate.stripe");
        let paths = [
            "/api/circuit-breakers/force-open/operate.stripe",
            "/api/circuit-breakers/disable/unknown",
            "/api/circuit-breakers/no-such-action/operate.stripe",
            "/api/config/reload",
        ];
        let served = Served::with_token().await;
        for path in paths {
            for token in [None, Some("wrong"), Some("s3cre"), Some("s3cret2")] {
                let (status, answer) = served.post(path, token).await;
                assert_eq!(
                    (status.as_u16(), &answer["success"]),
                    (401, &json!(false)),
                    "{path}"
                );
            }
        }
        let head =
            b"POST /admin/api/config/reload HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        let answer = served.raw(head).await.to_lowercase();
        assert!(
            answer.contains("www-authenticate: bearer realm=\"steadfast\""),
            "{answer}"
        );

        let unset = Served::start(steadfast::admin().token("").router()).await;
        for path in paths {
            assert_eq!(unset.post(path, Some("")).await.0, 403, "{path}");
        }
        assert_eq!(stripe.state(), steadfast::State::Closed);
        assert_eq!(stripe.history(), []);
    })
    .await;
}

#[tokio::test]
async fn odd_names_are_unknown_and_make_no_breaker() {
    apart(async {
        let served = Served::with_token().await;
        let known = served.json("/api/circuit-breakers/status").await;
        let long = "a".repeat(10_000);
        let names: [&[u8]; 11] = [
            b"unknown", b"..", b".", b"%2F", b"%2e%2e%2fetc", b"a%00b", b"%FF%FE", b"%", b"<script>",
            long.as_bytes(), b"operate.stripe%20",
        ];
        for action in ["reset", "force-open", "disable", "release"] {
            for name in names {
                let mut request = format!("POST /admin/api/circuit-breakers/{action}/").into_bytes();
                request.extend(name);
                request.extend(b" HTTP/1.1\r\nhost: x\r\nauthorization: Bearer s3cret\r\nconnection: close\r\n\r\n");
                let answer = served.raw(&request).await;
                let status = answer.get(9..12).unwrap_or_default();
                let name = String::from_utf8_lossy(name);
                assert!(["404", "400"].contains(&status), "{action} {name}: {answer}");
            }
        }
        // No byte that no URL has, and no path that leaves the router.
        for line in [&b"POST /admin/api/circuit-breakers/reset/\xff\xfe HTTP/1.1"[..], b"GET /admin/../etc HTTP/1.1"] {
            let answer = served.raw(&[line, b"\r\nhost: x\r\nconnection: close\r\n\r\n"].concat()).await;
            let status = answer.get(9..12).unwrap_or_default();
            assert!(["404", "400", "401"].contains(&status), "{answer}");
        }
        let (status, answer) = served.post("/api/circuit-breakers/reset/unknown", Some(TOKEN)).await;
        assert_eq!((status.as_u16(), &answer["success"]), (404, &json!(false)));
        assert_eq!(served.json("/api/circuit-breakers/status").await, known);
    })
    .await;
}

#[tokio::test]
async fn a_huge_body_is_not_read() {
    apart(async {
        let served = Served::with_token().await;
        for (token, expected) in [("wrong", "401"), (TOKEN, "404")] {
            let head = format!(
                "POST /admin/api/circuit-breakers/reset/unknown HTTP/1.1\r\nhost: x\r\n\
                 authorization: Bearer {token}\r\ncontent-length: 100000000000\r\n\r\n"
            );
            let mut request = head.into_bytes();
            request.resize(request.len() + 1_000_000, b'x');
            let answer = tokio::time::timeout(Duration::from_secs(10), served.raw(&request)).await;
            let answer = answer.expect("it is answered though its body never ends");
            assert_eq!(answer.get(9..12), Some(expected), "{answer}");
        }
    })
    .await;
}
