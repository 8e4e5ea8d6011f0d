use steadfast::resilient;

#[resilient(bulkhead(guards = "calls"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
