use steadfast::resilient;

#[resilient(breaker)]
pub async fn call() -> Option<u32> {
    None
}

fn main() {}
