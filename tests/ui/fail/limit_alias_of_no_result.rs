use steadfast::resilient;

type Answer = Option<u32>;

#[resilient(breaker)]
pub async fn call() -> Answer {
    None
}

fn main() {}
