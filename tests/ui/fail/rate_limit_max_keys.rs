use steadfast::resilient;

#[resilient(rate_limit(max_keys = "many"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
