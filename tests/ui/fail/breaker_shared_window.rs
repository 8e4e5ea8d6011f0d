use steadfast::resilient;

#[resilient(breaker(scope = "shared", counting = "consecutive", key = host))]
pub async fn one(host: &str) -> std::io::Result<()> {
    Ok(())
}

#[resilient(breaker(scope = "shared", window_calls = 100))]
pub async fn two() -> std::io::Result<()> {
    Ok(())
}

#[resilient(breaker(scope = "shared", window = "none"))]
pub async fn three() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
