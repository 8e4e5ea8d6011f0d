use steadfast::resilient;

#[resilient(bulkhead(max = 10, scope = "share"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
