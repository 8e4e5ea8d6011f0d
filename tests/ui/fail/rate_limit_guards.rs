use steadfast::resilient;

#[resilient(rate_limit(guards = "body"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
