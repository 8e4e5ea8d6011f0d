use steadfast::resilient;

#[resilient(rate_limit(max = 2_000_000, algorithm = "sliding_window"))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
