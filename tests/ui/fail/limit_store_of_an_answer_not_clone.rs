use serde::{Deserialize, Serialize};
use steadfast::resilient;

#[derive(Serialize, Deserialize)]
pub struct Page(Vec<u8>);

#[resilient(cache(key = id, store = "redis"))]
pub async fn page(id: u64) -> std::io::Result<Page> {
    Ok(Page(vec![id as u8]))
}

fn main() {}
