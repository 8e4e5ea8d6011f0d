use steadfast::resilient;

#[resilient(fallback(kind = "cached", key = price))]
pub async fn call(price: f64) -> std::io::Result<f64> {
    Ok(price)
}

fn main() {}
