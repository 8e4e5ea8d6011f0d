use steadfast::resilient;

#[resilient(retry(budget_min = 5))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
