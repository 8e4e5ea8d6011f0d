use steadfast::resilient;

#[resilient(cache(key = id, weigh = 5))]
pub async fn call(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn main() {}
