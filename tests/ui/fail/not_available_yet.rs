use steadfast::resilient;

#[resilient(rate_limit(scope = "shared"), cache(fresh = "1m"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
