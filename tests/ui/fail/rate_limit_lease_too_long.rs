use steadfast::resilient;

#[resilient(rate_limit(max = 10, per = "1s", scope = "shared", lease = "1s"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
