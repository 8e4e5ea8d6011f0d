use steadfast::resilient;

#[resilient(bulkhead(queue = -1))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
