use steadfast::resilient;

#[resilient(breaker = "stripe!")]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
