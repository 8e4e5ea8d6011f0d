use steadfast::resilient;

pub struct Client(u64);

#[resilient(cache(key = id, stale = "1h"))]
pub async fn page(client: &Client, id: &str) -> std::io::Result<String> {
    Ok(format!("{} {id}", client.0))
}

fn main() {}
