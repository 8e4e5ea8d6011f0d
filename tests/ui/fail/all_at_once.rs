use steadfast::resilient;

pub struct Order(u32);

#[resilient(timeout = 5s, retry(maxx = 3, jitter = none), braker = "stripe", breaker(failures = 0))]
pub const fn call(order: Order) -> Option<u32> {
    Some(order.0)
}

fn main() {}
