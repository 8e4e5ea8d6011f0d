use steadfast::resilient;

#[resilient(cache(key = id, fresh = 60))]
pub async fn call(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn main() {}
