use steadfast::resilient;

#[resilient(retry(rate_limited_factor = 0.9))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
