use steadfast::resilient;

pub struct User {
    pub id: u32,
}

#[resilient(rate_limit(max = 10, key = user))]
pub async fn call(user: User) -> std::io::Result<u32> {
    Ok(user.id)
}

fn main() {}
