use steadfast::resilient;

#[resilient(bulkhead(name = ""))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
