use steadfast::resilient;

#[resilient(breaker(failure_rate = 50))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
