use steadfast::resilient;

#[resilient(mode = "observed")]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
