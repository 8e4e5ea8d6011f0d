use steadfast::resilient;

#[resilient(fallback(kind = "cached", key = id, weigh = bytes))]
pub async fn call(id: u64) -> std::io::Result<String> {
    Ok(id.to_string())
}

fn bytes(text: &str) -> usize {
    text.len()
}

fn main() {}
