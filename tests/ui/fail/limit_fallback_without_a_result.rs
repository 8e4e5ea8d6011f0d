use steadfast::resilient;

fn instead(order: &str, _: std::io::Error) -> usize {
    order.len()
}

#[resilient(fallback = instead)]
pub async fn call(order: &str) -> std::io::Result<usize> {
    Ok(order.len())
}

fn main() {}
