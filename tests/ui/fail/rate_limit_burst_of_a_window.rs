use steadfast::resilient;

#[resilient(rate_limit(burst = 5, algorithm = "sliding_window"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
