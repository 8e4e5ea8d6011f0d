use steadfast::resilient;

#[resilient(retry)]
pub async fn call(send: impl FnOnce() -> u32) -> std::io::Result<u32> {
    Ok(send())
}

fn main() {}
