use steadfast::resilient;

#[resilient(rate_limit(max = 10, lease = "100ms"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
