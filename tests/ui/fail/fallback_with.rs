use steadfast::resilient;

#[resilient(fallback(on = "error"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
