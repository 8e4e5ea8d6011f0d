use std::rc::Rc;

use steadfast::resilient;

#[resilient(retry)]
async fn call() -> std::io::Result<u32> {
    let count = Rc::new(1);
    std::future::ready(()).await;
    Ok(*count)
}

fn spawn(_: impl Future + Send) {}

fn main() {
    spawn(call());
}
