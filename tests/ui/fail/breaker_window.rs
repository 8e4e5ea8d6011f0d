use steadfast::resilient;

#[resilient(breaker(window = "1m", window_calls = 10))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
