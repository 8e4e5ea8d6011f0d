use steadfast::resilient;

#[resilient(breaker(slow_call = "0s"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
