use steadfast::resilient;

#[resilient(breaker(guards = call))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
