use steadfast::resilient;

pub struct Order(u32);

#[resilient(retry)]
pub async fn call(order: Order) -> std::io::Result<u32> {
    Ok(order.0)
}

fn main() {}
