use steadfast::resilient;

#[resilient(breaker(counts(transient, rejected)))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
