use steadfast::resilient;

#[resilient(rate_limit(scope = "shared", then = "deni"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
