use steadfast::resilient;

#[resilient(rate_limit = "open ai")]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
