use steadfast::resilient;

#[resilient(rate_limit(max = 10, burst = 0))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
