use steadfast::resilient;

#[resilient(breaker(window_calls = 2_000_000))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
