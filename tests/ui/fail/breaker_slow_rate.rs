use steadfast::resilient;

#[resilient(breaker(slow_rate = 0.5))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
