use steadfast::resilient;

#[resilient(breaker, retry, timeout = "5s")]
pub async fn call(order: String) -> std::io::Result<usize> {
    let length: u8 = order.len();
    Ok(missing(length))
}

fn main() {}
