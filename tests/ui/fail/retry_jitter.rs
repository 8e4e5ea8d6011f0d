use steadfast::resilient;

#[resilient(retry(jitter = "ful"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
