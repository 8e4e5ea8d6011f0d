use steadfast::resilient;

#[resilient(timeout = 5)]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
