use steadfast::resilient;

#[resilient(breaker(half_open = -1))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
