use steadfast::resilient;

pub struct Order(u64);

#[resilient(fallback(kind = "queue", queue = "orders"))]
pub async fn call(shop: &str, order: &Order) -> std::io::Result<u64> {
    Ok(order.0 + shop.len() as u64)
}

fn main() {}
