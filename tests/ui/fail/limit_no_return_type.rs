use steadfast::resilient;

#[resilient()]
pub async fn call() {}

fn main() {}
