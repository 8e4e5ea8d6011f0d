use steadfast::resilient;

#[resilient(fallback(kind = "queue"))]
pub async fn nameless(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

#[resilient(fallback(kind = "cached", key = id, queue = "orders"))]
pub async fn both(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn main() {}
