use steadfast::resilient;

#[resilient(fallback(kind = "cached"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
