//! Events as a program sees them: typed, bounded, and counted where they are lost.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use futures_core::Stream;

use super::{EventKind, owned};

/// Something that happened, from [`events`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// When.
    pub at: SystemTime,
    /// What.
    pub kind: EventKind,
}

/// Events that wait for a slow listener, unless it says otherwise.
const CAPACITY: usize = 1024;

static LISTENING: AtomicUsize = AtomicUsize::new(0);
/// How listeners are told: left here by the first of them, so that a program without any has no code for
/// it.
static TELL: OnceLock<fn(&super::Event<'_>)> = OnceLock::new();
static LISTENERS: Mutex<Vec<Arc<Listener>>> = Mutex::new(Vec::new());

/// Everything that policies report from now on, in the whole process: for alerts, tests, and whatever
/// a program does about an open circuit.
///
/// The stream is bounded: of a listener that falls 1,024 events behind, the oldest are lost, and
/// [`Events::missed`] counts them. Nobody waits for a listener, and calls pay nothing while there is
/// none.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use steadfast::{EventKind, State, registry};
///
/// let mut events = steadfast::events();
/// registry().breaker("events.doc").force_open();
/// let EventKind::StateChanged { breaker, change } = events.recv().await.kind.clone() else {
///     panic!("nothing else has happened");
/// };
/// assert_eq!((&*breaker, change.to), ("events.doc", State::ForcedOpen));
/// # });
/// ```
#[must_use]
pub fn events() -> Events {
    Events::with_capacity(CAPACITY)
}

/// A stream of events, from [`events`]. It has no end.
pub struct Events(Arc<Listener>);

struct Listener {
    capacity: usize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    events: VecDeque<Arc<Event>>,
    missed: u64,
    waker: Option<Waker>,
}

impl Listener {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, event: &Arc<Event>) {
        let mut queue = self.queue();
        if queue.events.len() == self.capacity {
            queue.events.pop_front();
            queue.missed += 1;
        }
        queue.events.push_back(event.clone());
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn listeners() -> MutexGuard<'static, Vec<Arc<Listener>>> {
    LISTENERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether anybody wants to know.
pub(super) fn is_heard() -> bool {
    LISTENING.load(Ordering::Relaxed) > 0
}

/// Tells whoever listens.
pub(super) fn tell_listeners(event: &super::Event<'_>) {
    if is_heard() {
        fence(Ordering::Acquire); // who is seen to listen has left word how
        if let Some(tell) = TELL.get() {
            tell(event);
        }
    }
}

/// Tells all who listen; the event as they have it.
pub(super) fn tell(event: &super::Event<'_>) -> Arc<Event> {
    let at = SystemTime::now();
    let kind = owned::kind(event);
    let event = Arc::new(Event { at, kind });
    // Their wakers run outside of the lock.
    let all: Vec<_> = listeners().iter().cloned().collect();
    all.iter().for_each(|listener| listener.hear(&event));
    event
}

impl Events {
    /// As [`events`], with room for so many events that wait; at least one.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        let listener = Arc::new(Listener {
            capacity: capacity.max(1),
            queue: Mutex::default(),
        });
        TELL.get_or_init(|| |event| drop(tell(event)));
        let mut all = listeners();
        all.push(listener.clone());
        LISTENING.store(all.len(), Ordering::Release);
        Self(listener)
    }

    /// The next event, waiting for it.
    ///
    /// # Cancel safety
    ///
    /// Who stops waiting loses no event.
    pub async fn recv(&mut self) -> Arc<Event> {
        std::future::poll_fn(|context| self.poll_recv(context)).await
    }

    /// The next event, if there is one.
    #[must_use]
    pub fn try_recv(&mut self) -> Option<Arc<Event>> {
        self.0.queue().events.pop_front()
    }

    /// How many events were lost so far, since it fell behind.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.0.queue().missed
    }

    fn poll_recv(&mut self, context: &Context<'_>) -> Poll<Arc<Event>> {
        let mut queue = self.0.queue();
        match queue.events.pop_front() {
            Some(event) => Poll::Ready(event),
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for Events {
    type Item = Arc<Event>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Arc<Event>>> {
        self.poll_recv(context).map(Some)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut all = listeners();
        all.retain(|listener| !Arc::ptr_eq(listener, &self.0));
        LISTENING.store(all.len(), Ordering::Relaxed);
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("missed", &self.missed())
            .finish_non_exhaustive()
    }
}
