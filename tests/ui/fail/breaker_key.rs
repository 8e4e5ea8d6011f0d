use steadfast::resilient;

#[resilient(breaker(name = "hosts", key = (host, load)))]
pub async fn call(host: &str, load: f64) -> std::io::Result<f64> {
    Ok(host.len() as f64 * load)
}

fn main() {}
