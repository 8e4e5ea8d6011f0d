use steadfast::resilient;

#[resilient(cache(key = query))]
pub async fn call(query: Query) -> std::io::Result<u64> {
    Ok(query.0)
}

pub struct Query(u64);

fn main() {}
