//! `unsafe fn`, with other qualifiers.
#![deny(warnings)]

use std::io;

use steadfast::resilient;

/// Reads.
///
/// # Safety
///
/// `at` must be readable.
#[resilient(breaker = "unsafe", retry)]
pub unsafe fn read(at: *const u32) -> io::Result<u32> {
    // SAFETY: the caller says so.
    Ok(unsafe { *at })
}

struct Shared(*const u32);

// SAFETY: nobody writes.
unsafe impl Send for Shared {}
// SAFETY: nobody writes.
unsafe impl Sync for Shared {}

#[resilient(breaker = "unsafe", retry)]
async unsafe fn read_later(at: &Shared) -> io::Result<u32> {
    tokio::task::yield_now().await;
    // SAFETY: the caller says so.
    Ok(unsafe { *at.0 })
}

#[allow(improper_ctypes_definitions)]
#[resilient(retry)]
pub extern "C" fn with_abi(n: u32) -> io::Result<u32> {
    Ok(n)
}

#[resilient(retry)]
async fn with_inner_attributes(n: u32) -> io::Result<u32> {
    #![allow(unused_variables)]
    let unused = n;
    Ok(1)
}

#[tokio::main]
async fn main() {
    static N: u32 = 7;
    let spawned = tokio::spawn(async {
        // SAFETY: a static is readable.
        assert_eq!(unsafe { read_later(&Shared(&raw const N)).await }.unwrap(), 7);
        assert_eq!(with_inner_attributes(1).await.unwrap(), 1);
    });
    spawned.await.unwrap();
    // SAFETY: a static is readable.
    assert_eq!(unsafe { read(&raw const N) }.unwrap(), 7);
    assert_eq!(with_abi(1).unwrap(), 1);
}
