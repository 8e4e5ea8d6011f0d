use steadfast::resilient;

#[derive(Clone)]
pub struct Page(Vec<u8>);

#[resilient(cache(key = id, store = "redis"))]
pub async fn page(id: u64) -> std::io::Result<Page> {
    Ok(Page(vec![id as u8]))
}

#[resilient(cache(key = id, store = "reddis"))]
pub fn misspelled(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn main() {}
