use steadfast::resilient;

#[resilient(rate_limit(max = 10, key = user))]
pub async fn call<U>(user: U) -> std::io::Result<U> {
    Ok(user)
}

fn main() {}
