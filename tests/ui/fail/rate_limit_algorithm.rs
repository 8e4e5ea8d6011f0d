use steadfast::resilient;

#[resilient(rate_limit(algorithm = "leaky_bucket"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
