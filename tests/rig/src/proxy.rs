//! A network between a program and a server, with faults to order.

mod faults;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::free_port;
use faults::Faults;

/// Listens on a free port and passes on what comes, both ways. It ends when it is dropped.
///
/// Faults hold for what passes from then on:
///
/// ```no_run
/// use std::time::Duration;
/// use steadfast_rig::{Proxy, Server};
///
/// let server = Server::start();
/// let proxy = Proxy::to(server.addr());
/// let url = server.url_at(proxy.addr());
/// proxy.delay(Duration::ZERO, Duration::from_millis(500)); // replies come late
/// proxy.black_hole(); // connections of now pass nothing more; new ones work
/// proxy.heal();
/// ```
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    faults: Arc<Faults>,
    orders: UnboundedSender<Order>,
    thread: Option<JoinHandle<()>>,
}

/// What the proxy's own thread is told.
#[derive(Debug)]
pub(crate) enum Order {
    Refuse,
    Listen,
}

impl Proxy {
    /// A proxy in front of this address.
    ///
    /// # Panics
    ///
    /// Where it cannot listen.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let faults = Arc::new(Faults::default());
        let (orders, told) = mpsc::unbounded_channel();
        let (ready, listening) = std::sync::mpsc::channel();
        let shared = faults.clone();
        let thread = thread::spawn(move || run(target, &shared, told, &ready));
        let addr = listening
            .recv()
            .unwrap_or_else(|_| Err(io::Error::other("its thread ended")))
            .unwrap_or_else(|error| panic!("the proxy cannot listen: {error}"));
        Self {
            addr,
            faults,
            orders,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whatever is sent to the server comes so much later, and so do its replies; the rate stays.
    pub fn delay(&self, requests: Duration, replies: Duration) {
        self.faults.delay(requests, replies);
    }

    /// The connections of now stay open and pass nothing more, either way; new ones work.
    pub fn black_hole(&self) {
        self.faults.black_hole();
    }

    /// All connections, new ones too, are taken and pass nothing, until [`heal`](Self::heal).
    pub fn hang(&self) {
        self.faults.black_hole();
        self.faults.hang(true);
    }

    /// What is sent reaches the server; its replies are lost, on every connection.
    pub fn drop_replies(&self) {
        self.faults.lose_replies(true);
    }

    /// Ends the connections of now; new ones work.
    pub fn cut(&self) {
        self.faults.cut();
    }

    /// Ends the connections of now, and refuses new ones until [`heal`](Self::heal).
    pub fn refuse(&self) {
        let _ = self.orders.send(Order::Refuse);
        self.faults.cut();
    }

    /// No more faults. A connection that was black-holed stays dead, as on a network that forgot it;
    /// one whose replies were lost is cut, since what follows would answer other questions.
    pub fn heal(&self) {
        self.faults.heal();
        let _ = self.orders.send(Order::Listen);
    }

    /// How many connections were taken so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.faults.taken()
    }

    /// How many bytes came back from the server so far.
    #[must_use]
    pub fn replied(&self) -> u64 {
        self.faults.replied()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let (orders, _) = mpsc::unbounded_channel();
        drop(std::mem::replace(&mut self.orders, orders)); // its thread ends with the last sender
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(
    target: SocketAddr,
    faults: &Arc<Faults>,
    told: UnboundedReceiver<Order>,
    ready: &std::sync::mpsc::Sender<io::Result<SocketAddr>>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let begun = runtime.and_then(|runtime| {
        let listener = runtime.block_on(listen(free_port()))?;
        let addr = listener.local_addr()?;
        Ok((runtime, listener, addr))
    });
    match begun {
        Err(error) => {
            let _ = ready.send(Err(error));
        }
        Ok((runtime, listener, addr)) => {
            let _ = ready.send(Ok(addr));
            runtime.block_on(wire::serve(listener, target, faults, told));
            runtime.shutdown_background();
        }
    }
}

async fn listen(port: u16) -> io::Result<tokio::net::TcpListener> {
    tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await
}
