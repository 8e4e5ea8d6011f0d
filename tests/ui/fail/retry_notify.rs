use steadfast::resilient;

fn note(attempt: u32) {
    println!("{attempt}");
}

#[resilient(retry(notify = note))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
