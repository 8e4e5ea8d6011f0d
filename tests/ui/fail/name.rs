use steadfast::resilient;

#[resilient(name = "two words")]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
