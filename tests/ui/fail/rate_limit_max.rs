use steadfast::resilient;

#[resilient(rate_limit(max = 0))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
