use steadfast::resilient;

#[resilient(rate_limit(mode = "enforced"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
