use steadfast::resilient;

#[resilient(bulkhead(mode = "watch"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
