use steadfast::resilient;

#[resilient(cache)]
pub async fn bare(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

#[resilient(cache(fresh = "1m"), fallback(kind = "cached", ttl = "1h"))]
pub async fn both(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn main() {}
