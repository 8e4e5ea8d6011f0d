use steadfast::resilient;

#[resilient(fallback(kind = "default", key = id, ttl = "1h"))]
pub async fn by_default(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

#[resilient(fallback(kind = "cached", key = id, with = zero))]
pub async fn both(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn zero(_: u64, _: std::io::Error) -> std::io::Result<u64> {
    Ok(0)
}

fn main() {}
