//! Within `macro_rules!`, with its fragments, and through a path of one's own.
#![deny(warnings)]

use std::io;

use steadfast::resilient;

macro_rules! guarded {
    ($(#[$attribute:meta])* $name:ident, $breaker:literal, $max:expr, $limit:expr, $on:ident, |$($argument:ident: $ty:ty),*| -> $ret:ty $body:block) => {
        $(#[$attribute])*
        #[resilient(breaker = $breaker, retry(max = $max, on($on, timeout)), timeout = $limit)]
        async fn $name($($argument: $ty),*) -> $ret $body
    };
}

guarded! {
    /// Generated.
    generated, "macros", 2, "5s", transient,
    |text: &str, items: &mut Vec<u32>, owned: Vec<u32>| -> io::Result<usize> {
        items.extend(owned);
        Ok(text.len() + items.len())
    }
}

macro_rules! method {
    ($this:ident, $receiver:ty, $class:path, $body:expr) => {
        #[resilient(retry, classify = $class)]
        async fn method(&mut $this) -> Result<$receiver, io::Error> {
            $body
        }
    };
}

struct Counter(u32);

fn class(_: &io::Error) -> steadfast::Class {
    steadfast::Class::Expected
}

impl Counter {
    method!(self, u32, crate::class, {
        self.0 += 1;
        Ok(self.0)
    });
}

mod my {
    pub mod deps {
        pub use steadfast as shield;
    }
}

#[my::deps::shield::resilient(crate = crate::my::deps::shield, retry(max = 2, jitter = "none"), timeout = "5s")]
async fn renamed(n: u32) -> io::Result<u32> {
    Ok(n)
}

macro_rules! through_the_macros_crate {
    () => {
        #[$crate::my::deps::shield::resilient(crate = $crate::my::deps::shield, breaker)]
        async fn from_a_macro(n: u32) -> io::Result<u32> {
            Ok(n)
        }
    };
}

through_the_macros_crate!();

/// Names of ours and of the user's don't meet.
#[resilient(retry)]
async fn hygienic(call: u32, result: u32, error: u32, attempt: u32, hint: u32, order: u32) -> io::Result<u32> {
    const SITE: u32 = 1;
    Ok(SITE + call + result + error + attempt + hint + order)
}

#[tokio::main]
async fn main() {
    let spawned = tokio::spawn(async {
        let mut items = vec![1];
        assert_eq!(generated("a", &mut items, vec![2]).await.unwrap(), 3);
        assert_eq!(Counter(1).method().await.unwrap(), 2);
        assert_eq!(renamed(1).await.unwrap(), 1);
        assert_eq!(from_a_macro(1).await.unwrap(), 1);
        assert_eq!(hygienic(1, 1, 1, 1, 1, 1).await.unwrap(), 7);
    });
    spawned.await.unwrap();
}
