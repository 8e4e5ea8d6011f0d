use steadfast::resilient;

#[resilient(breaker(health = "ignored"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
