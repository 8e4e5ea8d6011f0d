use steadfast::resilient;

#[resilient(breaker(quorum = 2))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
