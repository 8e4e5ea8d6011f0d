use steadfast::resilient;

#[resilient(retry(share(order)))]
pub async fn call(order: &str) -> std::io::Result<usize> {
    Ok(order.len())
}

fn main() {}
