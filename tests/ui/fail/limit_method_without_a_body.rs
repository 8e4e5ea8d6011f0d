use steadfast::resilient;

pub trait Payments {
    #[resilient(retry)]
    fn charge(&self) -> std::io::Result<()>;
}

fn main() {}
