//! What needs the feature `redis`, and says so where it is not there.

/// The code, where this crate has the feature.
#[cfg(feature = "redis")]
#[doc(hidden)]
#[macro_export]
macro_rules! with_redis {
    ($($code:tt)*) => { $($code)* };
}

/// An error, where it has not.
#[cfg(not(feature = "redis"))]
#[doc(hidden)]
#[macro_export]
macro_rules! with_redis {
    ($($code:tt)*) => {
        ::core::compile_error!(
            "this is kept in Redis, which needs the feature `redis` of steadfast: \
            add it to the dependency in Cargo.toml"
        )
    };
}
