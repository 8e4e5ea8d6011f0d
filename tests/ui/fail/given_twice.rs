use steadfast::resilient;

#[resilient(retry(max = 3, max = 4), timeout = "1s", timeout = "1s")]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
