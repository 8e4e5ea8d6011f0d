use steadfast::resilient;

#[derive(Clone)]
pub struct Page(Vec<u8>);

#[resilient(fallback(kind = "cached", key = id, store = "redis"))]
pub async fn page(id: u64) -> std::io::Result<Page> {
    Ok(Page(vec![id as u8]))
}

#[resilient(fallback(kind = "default", store = "redis"))]
pub fn elsewhere(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn main() {}
