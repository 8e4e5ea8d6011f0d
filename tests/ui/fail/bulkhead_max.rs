use steadfast::resilient;

#[resilient(bulkhead(max = 0))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
