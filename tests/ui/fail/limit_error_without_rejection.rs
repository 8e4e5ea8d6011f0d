use steadfast::resilient;

#[derive(Debug)]
pub struct Failure;

#[resilient(breaker, retry, timeout = "5s")]
pub async fn call(url: &str) -> Result<usize, Failure> {
    Ok(url.len())
}

fn main() {}
