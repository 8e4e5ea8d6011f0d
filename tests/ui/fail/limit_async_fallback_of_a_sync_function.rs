use steadfast::resilient;

async fn instead(_: std::io::Error) -> std::io::Result<u32> {
    Ok(0)
}

#[resilient(fallback = instead)]
pub fn call() -> std::io::Result<u32> {
    Ok(1)
}

fn main() {}
