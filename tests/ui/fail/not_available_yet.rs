use steadfast::resilient;

#[resilient(cache(key = id, store = "redis"))]
pub async fn call(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn main() {}
