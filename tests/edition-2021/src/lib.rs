//! Guarded functions of a crate of edition 2021 that knows steadfast by another name.
#![deny(warnings, rust_2024_compatibility)]
// What the attribute adds must not trouble those who are on their way to edition 2024.
#![allow(
    keyword_idents_2024,
    clippy::manual_async_fn,
    clippy::missing_errors_doc
)]

use std::future::Future;
use std::io;
use std::sync::Mutex;

use shield::resilient;

/// `gen` is a name like any other here.
#[resilient(crate = shield, breaker = "2021", retry(max = 2), timeout = "5s")]
pub async fn charge(gen: u32, order: String, items: &mut Vec<u32>) -> io::Result<usize> {
    items.push(gen);
    Ok(order.len() + items.len())
}

/// A guard in the last expression lives until the end of the statement.
#[resilient(crate = shield, retry(max = 2))]
pub async fn locked(count: &Mutex<u32>) -> io::Result<u32> {
    Ok(*count.lock().map_err(|_| io::Error::other("poisoned"))?)
}

/// In this edition a future that is returned borrows only what it says; that of an `async fn`, all there is.
#[resilient(crate = shield, retry(max = 2))]
pub async fn joined<T: ToString>(left: &str, right: &T, _unused: &u32) -> io::Result<String> {
    Ok(left.to_owned() + &right.to_string())
}

/// The future says itself what it borrows.
#[resilient(crate = shield, retry(max = 2))]
pub fn boxed_up(text: &str) -> impl Future<Output = io::Result<usize>> + Send + '_ {
    async move { Ok(text.len()) }
}

/// A sync one, with a fallback.
#[resilient(crate = shield, breaker, retry(max = 2, base = "1ms"), fallback = instead)]
pub fn blocking(mut items: Vec<u32>) -> io::Result<usize> {
    items.push(1);
    Err(io::ErrorKind::ConnectionReset.into())
}

#[allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps)]
fn instead(items: Vec<u32>, _: io::Error) -> io::Result<usize> {
    Ok(items.len())
}

/// A service with state of its own.
#[derive(Clone, Debug, Default)]
pub struct Service {
    calls: u32,
}

impl Service {
    /// A method that changes it.
    #[resilient(crate = shield, retry)]
    pub async fn call(&mut self) -> io::Result<u32> {
        self.calls += 1;
        Ok(self.calls)
    }

    /// A method that takes it.
    #[resilient(crate = shield, retry)]
    pub async fn finish(mut self) -> io::Result<Self> {
        self.calls += 1;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_renamed_dependency_in_an_older_edition_works_the_same() {
        let spawned = tokio::spawn(async {
            let mut items = vec![];
            assert_eq!(charge(1, "ab".into(), &mut items).await.unwrap(), 3);
            assert_eq!(locked(&Mutex::new(7)).await.unwrap(), 7);
            assert_eq!(boxed_up("abc").await.unwrap(), 3);
            assert_eq!(joined("a", &2, &0).await.unwrap(), "a2");
            let mut service = Service::default();
            assert_eq!(service.call().await.unwrap(), 1);
            assert_eq!(service.finish().await.unwrap().calls, 2);
        });
        spawned.await.unwrap();
        assert_eq!(blocking(vec![1, 2]).unwrap(), 2);
        assert!(shield::sites().any(|site| site.name().ends_with("::charge")));
    }
}
