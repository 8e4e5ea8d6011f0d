use steadfast::resilient;

#[resilient(retry(budget = 1.5))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
