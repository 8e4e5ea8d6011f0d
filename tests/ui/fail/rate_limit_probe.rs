use steadfast::resilient;

#[resilient(rate_limit(scope = "shared", probe = "0s"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
