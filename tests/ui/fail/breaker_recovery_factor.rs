use steadfast::resilient;

#[resilient(breaker(recovery_factor = 0.5))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
