use steadfast::resilient;

#[resilient(breaker(max_keys = 0))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
