use steadfast::resilient;

fn class(_: &String) -> steadfast::Class {
    steadfast::Class::Transient
}

#[resilient(classify = class)]
pub async fn call() -> std::io::Result<()> {
    Ok(())
}

fn main() {}
