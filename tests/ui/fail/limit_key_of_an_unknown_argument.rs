use steadfast::resilient;

#[resilient(rate_limit(max = 10, key = usr))]
pub async fn call(user: u32) -> std::io::Result<u32> {
    Ok(user)
}

fn main() {}
