use steadfast::resilient;

fn instead(_: std::io::Error) -> std::io::Result<u32> {
    Ok(0)
}

#[resilient(fallback = instead)]
pub async fn call(order: String) -> std::io::Result<u32> {
    println!("{order}");
    Ok(1)
}

fn main() {}
