//! What there is only with a store that a fleet shares.
//!
//! A program without the feature `redis` can have none. The compiler knows that there is never a value
//! then, and leaves out whatever would be done with one.

#[cfg(any(feature = "redis", test))]
mod imp {
    #[derive(Clone, Debug)]
    pub(crate) struct Backed<T>(T);

    impl<T> Backed<T> {
        #[inline]
        pub(crate) fn new(value: T) -> Self {
            Self(value)
        }

        #[inline]
        pub(super) fn get(&self) -> &T {
            &self.0
        }

        #[inline]
        pub(super) fn get_mut(&mut self) -> &mut T {
            &mut self.0
        }
    }
}

#[cfg(not(any(feature = "redis", test)))]
mod imp {
    use std::convert::Infallible;
    use std::marker::PhantomData;

    #[derive(Clone, Debug)]
    pub(crate) struct Backed<T>(Infallible, PhantomData<T>);

    impl<T> Backed<T> {
        pub(crate) fn new(_: T) -> Self {
            unreachable!("there is no store")
        }

        #[inline]
        pub(super) fn get(&self) -> &T {
            match self.0 {}
        }

        #[inline]
        pub(super) fn get_mut(&mut self) -> &mut T {
            match self.0 {}
        }
    }
}

pub(crate) use imp::Backed;

/// Whether there can be a store at all.
pub(crate) const POSSIBLE: bool = cfg!(any(feature = "redis", test));

impl<T> std::ops::Deref for Backed<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        self.get()
    }
}

impl<T> std::ops::DerefMut for Backed<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        self.get_mut()
    }
}
