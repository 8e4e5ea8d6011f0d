use steadfast::resilient;

#[resilient()]
pub async fn call() -> Result<u32, impl std::fmt::Debug> {
    Err("no")
}

fn main() {}
