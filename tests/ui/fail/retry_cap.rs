use steadfast::resilient;

#[resilient(retry(base = "5s", cap = "1s"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
