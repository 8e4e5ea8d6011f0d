use steadfast::resilient;

#[resilient(timeout = 5)]
async fn call(order: &str) -> std::io::Result<usize> {
    Ok(order.len())
}

pub async fn caller() -> std::io::Result<usize> {
    Ok(call("order").await? + 1)
}

fn main() {}
