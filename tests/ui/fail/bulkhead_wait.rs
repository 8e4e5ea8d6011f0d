use steadfast::resilient;

#[resilient(deadline = "5s", bulkhead(wait = "6s"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
