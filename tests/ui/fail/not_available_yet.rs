use steadfast::resilient;

#[resilient(mode = "off", breaker(scope = "shared"), cache(fresh = "1m"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
