//! Calls under way, of which there is one for each key: who asks meanwhile waits for its result.

use std::any::Any;
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{Answer, Answerable, Erased};
use crate::keys::Key;

/// How a call ended that others waited for.
#[derive(Clone)]
pub(super) enum Landed {
    Answer(Arc<Answer>),
    Error(Arc<Erased>),
    /// With an error that can't be given to several: each calls for itself.
    Alone,
}

pub(super) type Flight = watch::Receiver<Option<Landed>>;
pub(super) type Pilot = watch::Sender<Option<Landed>>;

/// The calls under way, by key.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Key, Flight>>);

impl Flights {
    /// Begins a call, unless one is under way already.
    pub(super) fn begin(&self, key: Key) -> Result<Pilot, Flight> {
        let mut all = self.all();
        if let Some(flight) = all.get(&key) {
            return Err(flight.clone());
        }
        let (pilot, flight) = watch::channel(None);
        all.insert(key, flight);
        Ok(pilot)
    }

    /// Ends a call: whoever asks from now on begins another. Gives whether somebody waits for it.
    pub(super) fn end(&self, key: Key, pilot: &Pilot) -> bool {
        let own = self.all().remove(&key);
        drop(own);
        pilot.receiver_count() > 0
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Flight>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How an error reaches all who waited for one call, where its type is `Clone`.
pub struct Sharing<E> {
    ways: Option<Ways<E>>,
}

struct Ways<E> {
    pack: fn(&E) -> Arc<Erased>,
    unpack: fn(&Erased) -> Option<E>,
}

impl<E> Clone for Sharing<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Sharing<E> {}

impl<E> Clone for Ways<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for Ways<E> {}

impl<E> Sharing<E> {
    pub(super) fn landed(&self, error: &E) -> Landed {
        self.ways
            .map_or(Landed::Alone, |ways| Landed::Error((ways.pack)(error)))
    }

    pub(super) fn error(&self, landed: &Erased) -> Option<E> {
        (self.ways?.unpack)(landed)
    }
}

/// Stands for the return type `R` of an annotated function, for what is found by its type.
pub struct Shared<R>(PhantomData<fn() -> R>);

impl<R> Shared<R> {
    /// Stands for it.
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

/// An error that can be given to several.
pub trait ViaClone<E> {
    /// How it is.
    fn sharing(&self) -> Sharing<E>;
}

impl<T, E: Answerable> ViaClone<E> for &Shared<Result<T, E>> {
    fn sharing(&self) -> Sharing<E> {
        Sharing {
            ways: Some(Ways {
                pack: |error| Arc::new(error.clone()),
                unpack: |erased| (erased as &dyn Any).downcast_ref().cloned(),
            }),
        }
    }
}

/// Any other error goes to one caller.
pub trait ViaOne<E> {
    /// It is not shared.
    fn sharing(&self) -> Sharing<E> {
        Sharing { ways: None }
    }
}

impl<R, E> ViaOne<E> for Shared<R> {}
