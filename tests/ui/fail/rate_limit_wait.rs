use steadfast::resilient;

#[resilient(rate_limit(wait = "10s"), deadline = "5s")]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
