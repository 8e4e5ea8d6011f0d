use steadfast::resilient;

#[resilient(cache(key = share, store = "redis"))]
pub async fn page(share: f64) -> std::io::Result<u64> {
    Ok(share as u64)
}

fn main() {}
