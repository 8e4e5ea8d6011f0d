use steadfast::resilient;

#[resilient(fallback(with = instead, on = "rejection"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
