use steadfast::resilient;

#[resilient()]
pub const fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
