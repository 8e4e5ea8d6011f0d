use steadfast::resilient;

#[derive(Hash, PartialEq, Eq)]
pub struct Id(u64);

#[resilient(cache(key = id, store = "redis"))]
pub async fn page(id: &Id) -> std::io::Result<u64> {
    Ok(id.0)
}

#[resilient(fallback(kind = "cached", key = (id, 7), store = "redis"))]
pub fn price(id: &Id) -> std::io::Result<u64> {
    Ok(id.0)
}

fn main() {}
