use steadfast::resilient;

#[resilient(fallback(kind = "cached", key = id, ttl = "1"))]
pub async fn call(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn main() {}
