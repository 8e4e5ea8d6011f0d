use steadfast::resilient;

#[resilient(breaker(recovery = "1m", recovery_max = "30s"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
