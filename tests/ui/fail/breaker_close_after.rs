use steadfast::resilient;

#[resilient(breaker(close_after = "2"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
