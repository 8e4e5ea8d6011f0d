use steadfast::resilient;

#[resilient(retry)]
pub fn call<F>(send: F) -> std::io::Result<u32>
where
    F: FnOnce() -> u32,
{
    Ok(send())
}

fn main() {}
