use steadfast::resilient;

#[resilient(breaker(mode = "of"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
