//! Keeps a connection up: makes it, asks after it, replaces it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use redis::{PushInfo, PushKind, Value, cmd};
use tokio::time::sleep;

use super::connection::{Connection, Line};
use super::{Greet, Greeter, LinkError, LinkRef, LinkState, reconnect};
use crate::telemetry::{Event, report};

/// How often an idle connection is asked whether it is there: a server that hangs shows in no other
/// way.
const PING: Duration = Duration::from_secs(1);
/// A connection that lasted less than this came to nothing.
const LASTED: Duration = Duration::from_secs(1);

/// Runs until the link ends.
pub(super) async fn keep(link: LinkRef, greet: impl Greet) {
    tokio::select! {
        () = link.0.stop.notified() => {}
        () = reconnect(&link, &greet) => {}
    }
    *link.line() = None;
    link.0.state.send_replace(LinkState::Down(LinkError::Down));
}

async fn reconnect(link: &LinkRef, greet: &impl Greet) {
    let (mut number, mut failures) = (0, 0);
    loop {
        number += 1;
        match open(link, number, greet).await {
            Ok(opened) => {
                let began = Instant::now();
                serve(link, opened).await;
                failures = if began.elapsed() < LASTED {
                    failures + 1
                } else {
                    0
                };
            }
            Err(why) => {
                failures += 1;
                down(link, &why);
            }
        }
        sleep(reconnect::pause(failures, link.fleet(), fastrand::f64())).await;
    }
}

/// Says once that Redis is away, though the reason may change.
fn down(link: &LinkRef, why: &LinkError) {
    let before = link.0.state.send_replace(LinkState::Down(why.clone()));
    if !matches!(before, LinkState::Down(_)) {
        lost(link, why);
    }
}

fn lost(link: &LinkRef, why: &LinkError) {
    report(&Event::RedisLost {
        server: &link.0.server.shown,
        reason: why,
    });
}

async fn open(link: &LinkRef, number: u64, greet: &impl Greet) -> Result<Line, LinkError> {
    let (pushes, mut received) = tokio::sync::mpsc::unbounded_channel();
    let connection = Connection::open(&link.0.server, pushes).await?;
    let opened = Line {
        number,
        connection,
        timeouts: Arc::default(),
    };
    let greeter = Greeter {
        link: link.clone(),
        line: opened.clone(),
    };
    greet.greet(&greeter).await?;
    let channels = link.channels().clone();
    for channel in &channels {
        link.subscribe_on(&opened, channel).await?;
    }
    let (on, of) = (link.clone(), opened.clone());
    let is_cluster = link.is_cluster();
    tokio::spawn(async move {
        while let Some(push) = received.recv().await {
            if push.kind == PushKind::Disconnection && !is_cluster {
                on.give_up(&of, LinkError::Broken("the connection was closed".into()));
            } else if push.kind == PushKind::SUnsubscribe {
                resubscribe(&on, &of, &push);
            } else {
                let _ = on.0.pushes.send(push); // nobody listens at the end
            }
        }
    });
    Ok(opened)
}

/// The slot of a channel has moved: announcements come from another node.
fn resubscribe(on: &LinkRef, of: &Line, push: &PushInfo) {
    let Some(Value::BulkString(channel)) = push.data.first() else {
        return;
    };
    let channel = String::from_utf8_lossy(channel).into_owned();
    let (on, of) = (on.clone(), of.clone());
    tokio::spawn(async move {
        // Not heard of at once, the new node is not known yet; polls go on meanwhile.
        for pause in [10, 50, 250, 1_000].map(Duration::from_millis) {
            sleep(pause).await;
            if on.subscribe_on(&of, &channel).await.is_ok() {
                return;
            }
        }
    });
}

/// Until the connection is given up.
async fn serve(link: &LinkRef, serving: Line) {
    *link.line() = Some(serving.clone());
    let number = serving.number;
    link.0.state.send_replace(LinkState::Up(number));
    report(&Event::RedisBack {
        server: &link.0.server.shown,
    });
    let ping = async {
        loop {
            sleep(PING).await;
            let _ = link.run_on(&serving, &cmd("PING")).await; // what comes of it is seen to there
        }
    };
    tokio::select! {
        () = link.0.broken.notified() => {}
        () = ping => {}
    }
    let state = link.0.state.borrow().clone();
    if let LinkState::Down(why) = state {
        lost(link, &why);
    }
}
