use steadfast::resilient;

#[resilient(rate_limit(max = 2000, per = "0.000001s"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
