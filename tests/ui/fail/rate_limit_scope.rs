use steadfast::resilient;

#[resilient(rate_limit(max = 10, scope = "share"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
