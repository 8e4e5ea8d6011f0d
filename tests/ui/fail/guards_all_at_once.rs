use steadfast::resilient;

#[resilient(rate_limit(max = 0, wait = "1"), bulkhead(qeue = 5), retry(budget = 0), breaker(max_keys = 0))]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
