use steadfast::resilient;

#[resilient(breaker(failures = 0))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
