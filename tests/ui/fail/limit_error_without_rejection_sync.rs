use steadfast::resilient;

#[resilient(breaker)]
pub fn call(url: &str) -> Result<usize, String> {
    Ok(url.len())
}

fn main() {}
