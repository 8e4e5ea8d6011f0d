use steadfast::resilient;

pub struct Payments;

#[resilient(retry)]
impl Payments {
    pub async fn charge(&self) -> std::io::Result<()> {
        Ok(())
    }
}

fn main() {}
