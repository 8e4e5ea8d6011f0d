//! What the router tells of changes, calls and limits.

use serde_json::json;
use steadfast::registry;
use steadfast_tests::apart;

use super::{charged, is_time};
use crate::config::Apart;
use crate::operate::served::Served;

#[tokio::test]
async fn the_history_names_the_error_behind_each_change() {
    apart(async {
        let served = Served::with_token().await;
        charged("FFFFF").await;
        registry().breaker("operate.stripe").reset();
        let answer = served
            .json("/api/circuit-breakers/history/operate.stripe")
            .await;
        let history = answer["history"].as_array().unwrap();
        assert_eq!(history.len(), 2);
        assert!(is_time(&history[0]["at"]));
        assert_eq!(
            (&history[0]["to"], &history[0]["cause"]),
            (&json!("CLOSED"), &json!("by_hand"))
        );
        let opened = &history[1];
        assert_eq!(
            (&opened["from"], &opened["to"]),
            (&json!("CLOSED"), &json!("OPEN"))
        );
        assert_eq!(
            (&opened["cause"], &opened["error"]),
            (&json!("failure"), &json!("a transient failure"))
        );
        assert_eq!(opened["openForMs"], json!(60_000));
        assert_eq!(
            served
                .get("/api/circuit-breakers/history/unknown")
                .await
                .status(),
            404
        );

        let events = served.json("/api/events").await;
        let mine = events["events"].as_array().unwrap().iter();
        let mine: Vec<_> = mine
            .filter(|event| event["name"] == "operate.stripe")
            .collect();
        assert_eq!(mine[0]["kind"], json!("state_changed"));
        assert_eq!(mine[1]["text"], json!("CLOSED → OPEN: a transient failure"));
    })
    .await;
}

#[tokio::test]
async fn calls_are_listed_with_where_each_value_comes_from() {
    let apart = Apart::of("operate.");
    apart
        .scope(async {
            let file = "[call.\"operate.charge\"]\ntimeout = \"2s\"\n";
            let steadfast = apart.start("a.toml", file).await.unwrap();
            let served = Served::with_token().await;
            charged("SF").await;
            let answer = served.json("/api/calls").await;
            let call = &answer["calls"]["operate.charge"];
            assert_eq!(
                (&call["results"]["ok"], &call["results"]["transient"]),
                (&json!(1), &json!(1))
            );
            assert!(
                call["at"].as_str().unwrap().contains("admin/mod.rs:"),
                "{call}"
            );
            assert_eq!(
                call["worstCase"],
                json!("7s (1 attempt × 2s + waits of 5s)"),
                "{call}"
            );
            let options = call["options"].as_array().unwrap();
            let option = |path: &str| options.iter().find(|it| it["option"] == path).unwrap();
            let timeout = option("timeout");
            assert_eq!(
                (&timeout["value"], &timeout["layer"]),
                (&json!("2s"), &json!("file"))
            );
            assert!(
                timeout["from"].as_str().unwrap().ends_with("a.toml:2:11"),
                "{timeout}"
            );
            assert_eq!(timeout["was"][0]["value"], json!("5s"));
            assert_eq!(option("breaker.failures")["layer"], json!("code"));
            assert_eq!(option("breaker.half_open")["layer"], json!("built_in"));

            let limits = served.json("/api/limits").await;
            let limit = &limits["limits"]["rateLimits"]["operate.limit"];
            assert_eq!((&limit["used"], &limit["left"]), (&json!(2), &json!(98)));
            let places = &limits["limits"]["bulkheads"]["operate.places"];
            assert_eq!(
                places,
                &json!({ "active": 0, "waiting": 0, "max": 7, "degraded": false })
            );
            steadfast.stop().await;
        })
        .await;
}
