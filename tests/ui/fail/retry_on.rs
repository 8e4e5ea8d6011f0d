use steadfast::resilient;

#[resilient(retry(on(transient, expected)))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
