use steadfast::resilient;

#[resilient(breaker(counting = "windows"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
