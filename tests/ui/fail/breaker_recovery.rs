use steadfast::resilient;

#[resilient(breaker(recovery = 30s))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
