use steadfast::resilient;

#[resilient(retry(base = "1 second"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
