use steadfast::resilient;

async fn instead(_: &str, _: std::io::Error) -> std::io::Result<String> {
    Ok(String::new())
}

#[resilient(fallback = instead)]
pub async fn call(order: &str) -> std::io::Result<usize> {
    Ok(order.len())
}

fn main() {}
