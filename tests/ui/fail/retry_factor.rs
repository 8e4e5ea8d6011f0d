use steadfast::resilient;

#[resilient(retry(factor = true))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
