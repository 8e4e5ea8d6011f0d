use steadfast::{Retrying, resilient};

pub struct Payments;

impl Payments {
    #[resilient(retry(notify = Self::note))]
    pub async fn charge(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn note(_: &Retrying<'_>) {}
}

fn main() {}
