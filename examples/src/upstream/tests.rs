use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::*;

const SOON: Duration = Duration::from_secs(5);

/// Sends one request on a connection of its own and reads until the other side ends it.
async fn ask(upstream: &Upstream) -> io::Result<String> {
    let mut stream = TcpStream::connect(upstream.address).await?;
    let request = "POST /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

#[tokio::test]
async fn a_healthy_stand_in_answers_with_its_body() {
    let body = r#"{"id":"ch_1"}"#;
    let timeline = Timeline::always(Behaviour::healthy());
    let upstream = Upstream::start_at(timeline, 1, Instant::now(), body)
        .await
        .unwrap();
    let answer = ask(&upstream).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with(body), "{answer}");
    let hits = upstream.hits();
    assert_eq!((hits.total, hits.sick, hits.errors), (1, 0, 0));
}

#[tokio::test]
async fn a_rate_limit_answer_says_when_to_come_back() {
    let timeline = Timeline::sick(Behaviour::rate_limiting(Duration::from_secs(7)));
    let upstream = Upstream::start(timeline, 1).await.unwrap();
    let answer = ask(&upstream).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    assert!(answer.contains("retry-after: 7\r\n"), "{answer}");
    let hits = upstream.hits();
    assert_eq!((hits.total, hits.sick, hits.errors), (1, 1, 1));
}

#[tokio::test]
async fn a_reset_is_a_reset_and_not_a_close() {
    let upstream = Upstream::start(Timeline::sick(Behaviour::resetting()), 1)
        .await
        .unwrap();
    let error = ask(&upstream).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(upstream.hits().reset, 1);
}

#[tokio::test]
async fn a_hanging_request_is_counted_and_ends_with_the_stand_in() {
    let upstream = Upstream::start(Timeline::sick(Behaviour::hanging()), 1)
        .await
        .unwrap();
    let mut asked = Box::pin(ask(&upstream));
    timeout(Duration::from_millis(100), &mut asked)
        .await
        .expect_err("answered a request that hangs");
    assert_eq!(upstream.hits().hung, 1);
    drop(asked);
    timeout(SOON, upstream.stop()).await.expect("did not stop");
}

#[tokio::test]
async fn a_switched_stand_in_plays_the_new_timeline() {
    let upstream = Upstream::start(Timeline::sick(Behaviour::failing(503)), 1)
        .await
        .unwrap();
    assert!(ask(&upstream).await.unwrap().starts_with("HTTP/1.1 503"));
    upstream.switch(Timeline::always(Behaviour::healthy()));
    assert!(ask(&upstream).await.unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(upstream.hits().sick, 1);
}

#[tokio::test]
async fn a_stopped_stand_in_refuses_connections() {
    let upstream = Upstream::start(Timeline::always(Behaviour::healthy()), 1)
        .await
        .unwrap();
    let address = upstream.address;
    upstream.stop().await;
    let error = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}
