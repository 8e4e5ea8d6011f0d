use steadfast::resilient;

#[resilient(cache(key = id, stale = "0s"))]
pub async fn call(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn main() {}
