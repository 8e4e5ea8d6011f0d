use steadfast::resilient;

#[resilient(classify = "class")]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
