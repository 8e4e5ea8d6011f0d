use steadfast::resilient;

#[resilient(breaker(failure_rate = 0.5, min_calls = 20, window_calls = 10))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
