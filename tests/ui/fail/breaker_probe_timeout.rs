use steadfast::resilient;

#[resilient(timeout = "10s", breaker(probe_timeout = "1s"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
