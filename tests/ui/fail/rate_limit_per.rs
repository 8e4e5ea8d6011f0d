use steadfast::resilient;

#[resilient(rate_limit(max = 10, per = "0s"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
