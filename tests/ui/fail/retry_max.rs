use steadfast::resilient;

#[resilient(retry(max = 0))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
