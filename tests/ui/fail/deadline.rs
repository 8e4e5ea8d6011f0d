use steadfast::resilient;

#[resilient(timeout = "10s", deadline = "5s")]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
