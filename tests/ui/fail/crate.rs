use steadfast::resilient;

#[resilient(crate = steadfest)]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
