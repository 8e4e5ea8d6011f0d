//! Connections, and what passes on them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::Instant;

use super::faults::{Faults, Way};
use super::{Order, listen};

/// Takes connections until nobody holds the proxy any more.
pub(super) async fn serve(
    listener: TcpListener,
    target: SocketAddr,
    faults: &Arc<Faults>,
    mut told: UnboundedReceiver<Order>,
) {
    let port = listener.local_addr().map_or(0, |addr| addr.port());
    let mut listener = Some(listener);
    loop {
        tokio::select! {
            order = told.recv() => match order {
                None => return,
                Some(Order::Refuse) => listener = None,
                Some(Order::Listen) if listener.is_none() => listener = listened(port).await,
                Some(Order::Listen) => {}
            },
            Some(client) = accepted(listener.as_ref()) => {
                tokio::spawn(join(client, target, faults.clone()));
            }
        }
    }
}

async fn accepted(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        None => std::future::pending().await,
        Some(listener) => listener.accept().await.ok().map(|(client, _)| client),
    }
}

/// The port may be busy for a moment with connections that were cut.
async fn listened(port: u16) -> Option<TcpListener> {
    for _ in 0..400 {
        if let Ok(listener) = listen(port).await {
            return Some(listener);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    None
}

/// One connection, until either side ends it or it is cut.
async fn join(client: TcpStream, target: SocketAddr, faults: Arc<Faults>) {
    let number = faults.take();
    let Ok(server) = TcpStream::connect(target).await else {
        return;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        _ = pass(from_client, to_server, &faults, number, Way::Requests) => {}
        _ = pass(from_server, to_client, &faults, number, Way::Replies) => {}
        () = faults.cut_of(number) => {}
    }
}

/// Passes bytes one way; each is as late as the network was when it came.
async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    faults: &Faults,
    number: u64,
    way: Way,
) -> io::Result<()> {
    let (sender, mut late) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let reading = async {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = from.read(&mut buffer).await?;
            if read == 0 {
                break;
            }
            let due = Instant::now() + faults.delay_of(way);
            let _ = sender.send((due, buffer[..read].to_vec()));
        }
        // On a dead connection nobody hears that the other side has left.
        if faults.loses(number, way) {
            std::future::pending::<()>().await;
        }
        io::Result::Ok(())
    };
    let writing = async {
        while let Some((due, bytes)) = late.recv().await {
            if due > Instant::now() {
                tokio::time::sleep_until(due).await;
            }
            if !faults.loses(number, way) {
                to.write_all(&bytes).await?;
                faults.count(way, bytes.len());
            }
        }
        io::Result::Ok(())
    };
    tokio::select! {
        done = reading => done,
        done = writing => done,
    }
}
