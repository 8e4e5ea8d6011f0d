use steadfast::resilient;

#[resilient(cache(key = id, max = "10 MB"))]
pub async fn call(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn main() {}
