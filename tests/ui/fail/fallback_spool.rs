use steadfast::resilient;

#[resilient(fallback(kind = "queue", queue = "mails", spool = ""))]
pub async fn call(id: u64) -> std::io::Result<u64> {
    Ok(id)
}

fn main() {}
