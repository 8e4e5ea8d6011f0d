use steadfast::resilient;

pub struct Page(Vec<u8>);

#[resilient(fallback(kind = "cached", key = id))]
pub async fn page(id: u64) -> std::io::Result<Page> {
    Ok(Page(vec![id as u8]))
}

fn main() {}
