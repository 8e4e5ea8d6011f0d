use steadfast::resilient;

#[resilient(breaker(scope = "share"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
