use steadfast::resilient;

#[resilient(timeout = "5s")]
pub fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
