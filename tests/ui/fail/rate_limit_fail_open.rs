use steadfast::resilient;

#[resilient(rate_limit(scope = "shared", fail_open = "300"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
