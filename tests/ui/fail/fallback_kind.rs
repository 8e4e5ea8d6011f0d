use steadfast::resilient;

#[resilient(fallback(kind = "cache"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
