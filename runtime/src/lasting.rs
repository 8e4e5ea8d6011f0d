//! Handles that live as long as the process.
//!
//! Who holds a place or a permit holds on to the bulkhead or breaker it is of. To count the holders
//! is to write a line of memory that all threads share, twice a call, and costs as much as the
//! place itself. The global registry keeps what it has named for ever: nobody need be counted there.

use std::ops::Deref;
use std::sync::OnceLock;

/// A handle that is counted, or one that lives for ever.
pub(crate) enum Lasting<T: 'static> {
    Forever(&'static T),
    Counted(T),
}

impl<T> Deref for Lasting<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        match self {
            Self::Forever(handle) => handle,
            Self::Counted(handle) => handle,
        }
    }
}

/// Where a handle that lives for ever is left, once there is one.
pub(crate) struct Forever<T: 'static>(OnceLock<&'static T>);

impl<T> Default for Forever<T> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<T: Clone> Forever<T> {
    /// Lets the handle live for ever.
    pub(crate) fn keep(&self, handle: &T) {
        self.0.get_or_init(|| Box::leak(Box::new(handle.clone())));
    }

    /// The handle that lives for ever; without one, a counted copy of this.
    #[inline]
    pub(crate) fn or_counted(&self, handle: &T) -> Lasting<T> {
        match self.0.get() {
            Some(kept) => Lasting::Forever(kept),
            None => Lasting::Counted(handle.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn holders_are_counted_until_the_handle_lives_for_ever() {
        let (handle, forever) = (Arc::new(7), Forever::default());
        let counted = forever.or_counted(&handle);
        assert_eq!((**counted, Arc::strong_count(&handle)), (7, 2));
        forever.keep(&handle);
        forever.keep(&handle); // once is enough
        let held = [forever.or_counted(&handle), forever.or_counted(&handle)];
        assert_eq!((**held[1], Arc::strong_count(&handle)), (7, 3));
    }
}
